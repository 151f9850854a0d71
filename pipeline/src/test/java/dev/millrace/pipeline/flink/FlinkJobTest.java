package dev.millrace.pipeline.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import dev.millrace.pipeline.job.RetryableException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a client makes of the answers of a JobManager, here as Flink 1.19.3 gives them. */
final class FlinkJobTest {
  private static final String JOB = "7cc8d21f8a9ca9ffaee24cdc1a62b739";

  private HttpServer jobManager;
  private FlinkCluster cluster;

  @BeforeEach
  void start() throws IOException {
    jobManager = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    answer("/jobs/overview", 200, "{\"jobs\":[{\"jid\":\"" + JOB + "\",\"name\":\"night\"}]}");
    jobManager.start();
    cluster = new FlinkCluster("127.0.0.1:" + jobManager.getAddress().getPort());
  }

  @AfterEach
  void stop() {
    jobManager.stop(0);
  }

  private void answer(String path, int status, String body) {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    jobManager.createContext(
        path,
        exchange -> {
          exchange.sendResponseHeaders(status, bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
  }

  private void answerWithError(String exception) {
    answer(
        "/jobs/" + JOB + "/status",
        500,
        "{\"errors\":[\"Internal server error.\",\"<Exception on server side:\\n"
            + exception
            + "\\n\\tat org.apache.flink.Somewhere\\n\\nEnd of exception on server side>\"]}");
  }

  @Test
  void aJobManagerThatCameBackWithoutTheJobHasForgottenIt() {
    answerWithError(
        "org.apache.flink.runtime.messages.FlinkJobNotFoundException: Could not find Flink job ("
            + JOB
            + ")");
    FlinkJob job = cluster.job("night");

    RetryableException forgotten = assertThrows(RetryableException.class, job::state);

    assertTrue(forgotten.getMessage().contains("has forgotten the job night"));
  }

  @Test
  void anotherErrorOfTheJobManagerMayPass() {
    answerWithError("java.util.concurrent.TimeoutException: Invocation timed out");

    assertEquals("UNKNOWN", cluster.job("night").state());
  }

  @Test
  void anErrorIsToldWithoutTheJobManagersStack() {
    answer(
        "/config",
        500,
        "{\"errors\":[\"Internal server error.\",\"<Exception on server side:\\njava.lang."
            + "IllegalStateException: not yet\\n\\tat org.apache.flink.Somewhere\\n\"]}");

    RetryableException failure = assertThrows(RetryableException.class, cluster::slots);

    assertTrue(
        failure.getMessage().contains("answered 500: java.lang.IllegalStateException: not yet);"),
        failure.getMessage());
  }
}
