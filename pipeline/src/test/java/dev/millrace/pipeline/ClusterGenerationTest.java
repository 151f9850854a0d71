package dev.millrace.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.millrace.pipeline.flink.FakeJobManager;
import dev.millrace.pipeline.flink.FlinkCluster;
import dev.millrace.pipeline.flink.FlinkJob;
import dev.millrace.pipeline.flink.FlinkSettings;
import dev.millrace.pipeline.flink.Submission;
import dev.millrace.pipeline.generate.JournalFollower;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.Counters;
import dev.millrace.pipeline.job.JobCancelledException;
import dev.millrace.pipeline.store.WorkFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How a job on a cluster is followed. */
final class ClusterGenerationTest {
  private static final String PATCH = "PATCH /jobs/" + FakeJobManager.JOB;

  @TempDir private Path output;

  /** Cancels the job; returns whether the next run is told of it. */
  private boolean cancelled(FakeJobManager jobManager) throws IOException {
    WorkFolder folder = new WorkFolder(output);
    Files.createDirectories(folder.work());
    new Submission(jobManager.master(), FakeJobManager.NAME).write(folder);
    FlinkJob job = new FlinkCluster(jobManager.master()).job(FakeJobManager.NAME);
    CancelToken cancel = new CancelToken();
    cancel.cancel();
    Counters counters = new Counters();
    JournalFollower follower = new JournalFollower(folder, List.of(), counters);
    FlinkSettings settings = new FlinkSettings(jobManager.master(), 1, List.of());
    ClusterGeneration generation =
        new ClusterGeneration(folder, null, null, counters, cancel, settings, List.of());

    assertThrows(JobCancelledException.class, () -> generation.awaitRemote(job, follower));

    return Files.exists(folder.work().resolve("flink.json"));
  }

  @Test
  void aCancelledJobIsForgotten() throws IOException {
    try (FakeJobManager jobManager = new FakeJobManager()) {
      jobManager.job("RUNNING", "RUNNING", "CANCELED").answer(PATCH, 202, "{}");

      assertEquals(false, cancelled(jobManager));
    }
  }

  @Test
  void aJobThatCannotBeCancelledIsLeftToTheNextRun() throws IOException {
    try (FakeJobManager jobManager = new FakeJobManager()) {
      jobManager.job("RUNNING").answer(PATCH, 504, "{'errors':['Request timed out.']}");

      assertEquals(true, cancelled(jobManager));
    }
  }

  @Test
  void aJobThatIsForgottenWhileItIsCancelledWasCancelledAllTheSame() throws IOException {
    try (FakeJobManager jobManager = new FakeJobManager()) {
      jobManager.job("RUNNING").answer(PATCH, 404, "{}");

      assertEquals(true, cancelled(jobManager));
    }
  }
}
