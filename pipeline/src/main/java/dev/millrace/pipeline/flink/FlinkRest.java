package dev.millrace.pipeline.flink;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** A JobManager's REST interface. */
final class FlinkRest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final int NOT_FOUND = 404;
  private static final int ERRORS_FROM = 400;

  private final String master;

  FlinkRest(String master) {
    this.master = master;
  }

  String master() {
    return master;
  }

  /** What is at a path. */
  JsonNode get(String path) throws IOException {
    // the newer client takes 0.2 s to load, of which every job would have to wait
    HttpURLConnection connection = (HttpURLConnection) uri(path).toURL().openConnection();
    connection.setConnectTimeout((int) PATIENCE.toMillis());
    connection.setReadTimeout((int) PATIENCE.toMillis());
    int status = connection.getResponseCode();
    try (InputStream body =
        status < ERRORS_FROM ? connection.getInputStream() : connection.getErrorStream()) {
      return answer(path, status, body == null ? new byte[0] : body.readAllBytes());
    }
  }

  /** Asks the cluster to cancel a job; it does so in its own time. */
  void cancel(String job) throws IOException {
    String path = "/jobs/" + job + "?mode=cancel";
    HttpRequest request =
        HttpRequest.newBuilder(uri(path))
            .method("PATCH", HttpRequest.BodyPublishers.noBody()) // unknown to the older client
            .timeout(PATIENCE)
            .build();
    HttpClient http =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(PATIENCE)
            .build();
    try {
      HttpResponse<byte[]> response = http.send(request, HttpResponse.BodyHandlers.ofByteArray());
      answer(path, response.statusCode(), response.body());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while asking " + master, e);
    }
  }

  private URI uri(String path) {
    return URI.create("http://" + master + path);
  }

  private JsonNode answer(String path, int status, byte[] bytes) throws IOException {
    String body = new String(bytes, StandardCharsets.UTF_8).strip();
    if (status == NOT_FOUND) {
      throw new FileNotFoundException(master + " knows nothing of " + path);
    }
    if (status >= ERRORS_FROM) {
      String why = reason(body);
      if (FlinkCluster.isOfUnknownJob(why)) { // of a job forgotten only now it says 500, not 404
        throw new FileNotFoundException(master + " knows nothing of " + path + ": " + why);
      }
      throw new IOException(master + " answered " + status + ": " + why);
    }
    return body.isEmpty() ? JSON.createObjectNode() : JSON.readTree(body);
  }

  /** The last error told, without the JobManager's stack trace; the body where it tells none. */
  private static String reason(String body) {
    String reason = body;
    try {
      for (JsonNode error : JSON.readTree(body).path("errors")) {
        reason = error.asText();
      }
    } catch (JsonProcessingException e) {
      return body; // a proxy's page
    }
    return reason
        .lines()
        .filter(line -> !line.startsWith("<Exception on server side:"))
        .findFirst()
        .orElse(body);
  }
}
