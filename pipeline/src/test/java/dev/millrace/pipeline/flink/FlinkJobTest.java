package dev.millrace.pipeline.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.pipeline.job.RetryableException;
import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a client makes of a JobManager's answers about a job. */
final class FlinkJobTest {
  private FakeJobManager jobManager;
  private FlinkCluster cluster;

  @BeforeEach
  void start() throws IOException {
    jobManager = new FakeJobManager().job();
    cluster = new FlinkCluster(jobManager.master());
  }

  @AfterEach
  void stop() {
    jobManager.close();
  }

  private void answerWithError(String exception) {
    jobManager.answer(
        "GET /jobs/" + FakeJobManager.JOB + "/status",
        500,
        "{'errors':['Internal server error.','<Exception on server side:\\n"
            + exception
            + "\\n\\tat org.apache.flink.Somewhere\\n\\nEnd of exception on server side>']}");
  }

  @Test
  void aJobManagerThatCameBackWithoutTheJobHasForgottenIt() {
    answerWithError(
        "org.apache.flink.runtime.messages.FlinkJobNotFoundException: Could not find Flink job ("
            + FakeJobManager.JOB
            + ")");
    FlinkJob job = cluster.job(FakeJobManager.NAME);

    RetryableException forgotten = assertThrows(RetryableException.class, job::state);

    assertTrue(forgotten.getMessage().contains("has forgotten the job night"));
  }

  @Test
  void anotherErrorOfTheJobManagerMayPass() {
    answerWithError("java.util.concurrent.TimeoutException: Invocation timed out");

    assertEquals("UNKNOWN", cluster.job(FakeJobManager.NAME).state());
  }
}
