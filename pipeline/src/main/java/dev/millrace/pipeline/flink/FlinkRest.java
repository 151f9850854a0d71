package dev.millrace.pipeline.flink;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** A JobManager's REST interface. */
final class FlinkRest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final int NOT_FOUND = 404;
  private static final int ERRORS_FROM = 400;

  private final String master;
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(PATIENCE).build();

  FlinkRest(String master) {
    this.master = master;
  }

  String master() {
    return master;
  }

  /** What is at a path. */
  JsonNode get(String path) throws IOException {
    return send(HttpRequest.newBuilder(uri(path)).GET());
  }

  /** Asks the cluster to cancel a job; it does so in its own time. */
  void cancel(String job) throws IOException {
    send(
        HttpRequest.newBuilder(uri("/jobs/" + job + "?mode=cancel"))
            .method("PATCH", HttpRequest.BodyPublishers.noBody()));
  }

  private URI uri(String path) {
    return URI.create("http://" + master + path);
  }

  private JsonNode send(HttpRequest.Builder request) throws IOException {
    HttpResponse<String> response;
    try {
      response = http.send(request.timeout(PATIENCE).build(), HttpResponse.BodyHandlers.ofString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while asking " + master, e);
    }
    if (response.statusCode() == NOT_FOUND) {
      throw new FileNotFoundException(master + " knows nothing of " + response.uri().getPath());
    }
    if (response.statusCode() >= ERRORS_FROM) {
      throw new IOException(
          master + " answered " + response.statusCode() + ": " + response.body().strip());
    }
    return response.body().isBlank() ? JSON.createObjectNode() : JSON.readTree(response.body());
  }
}
