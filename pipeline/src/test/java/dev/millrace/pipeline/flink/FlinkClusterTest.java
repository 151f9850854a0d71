package dev.millrace.pipeline.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.pipeline.job.RetryableException;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Whether a cluster is there and fits. */
final class FlinkClusterTest {
  private FakeJobManager jobManager;

  @BeforeEach
  void start() throws IOException {
    jobManager = new FakeJobManager();
  }

  @AfterEach
  void stop() {
    jobManager.close();
  }

  private FlinkCluster cluster(Duration workersWithin) {
    jobManager.answer(
        "GET /config", 200, "{'flink-version':'" + FlinkSettings.VERSION_LINE + ".3'}");
    return new FlinkCluster(jobManager.master(), workersWithin);
  }

  private void slots(int... counts) {
    for (int count : counts) {
      jobManager.answer("GET /overview", 200, "{'slots-total':" + count + "}");
    }
  }

  @Test
  void workersThatAreJustComingBackAreWaitedFor() {
    slots(0, 1, 7, 8);

    assertEquals(8, cluster(Duration.ofSeconds(60)).slots(8));
  }

  @Test
  void whoTakesAllSlotsWaitsForAny() {
    slots(0, 1, 7, 8);

    assertEquals(1, cluster(Duration.ofSeconds(60)).slots(0));
  }

  @Test
  void moreSlotsThanComeMayComeLater() {
    slots(7);

    RetryableException refused =
        assertThrows(RetryableException.class, () -> cluster(Duration.ZERO).slots(8));

    assertEquals(
        "parallelism: expected at most 7, the slots of the cluster at "
            + jobManager.master()
            + " after 0 s, found 8; lower it, or start more TaskManagers",
        refused.getMessage());
  }

  @Test
  void aClusterWithoutWorkersIsToldApart() {
    slots(0);

    RetryableException refused =
        assertThrows(RetryableException.class, () -> cluster(Duration.ZERO).slots(8));

    assertTrue(refused.getMessage().startsWith("expected TaskManagers"), refused.getMessage());
  }

  @Test
  void anErrorIsToldWithoutTheJobManagersStack() {
    jobManager.answer(
        "GET /config",
        500,
        "{'errors':['Internal server error.','<Exception on server side:\\njava.lang."
            + "IllegalStateException: not yet\\n\\tat org.apache.flink.Somewhere\\n']}");
    FlinkCluster cluster = new FlinkCluster(jobManager.master());

    RetryableException failure = assertThrows(RetryableException.class, () -> cluster.slots(0));

    assertTrue(
        failure.getMessage().contains("answered 500: java.lang.IllegalStateException: not yet);"),
        failure.getMessage());
  }
}
