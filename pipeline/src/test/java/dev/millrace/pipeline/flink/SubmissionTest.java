package dev.millrace.pipeline.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.pipeline.job.RetryableException;
import dev.millrace.pipeline.store.WorkFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of the job that a killed client has left on a cluster. */
final class SubmissionTest {
  private static final String PATCH = "PATCH /jobs/" + FakeJobManager.JOB;
  private static final String TOO_SLOW = "{'errors':['Request timed out.']}";

  @TempDir private Path output;
  private FakeJobManager jobManager;
  private WorkFolder folder;
  private Path remembered;

  @BeforeEach
  void leaveJob() throws IOException {
    jobManager = new FakeJobManager();
    folder = new WorkFolder(output);
    Files.createDirectories(folder.work());
    new Submission(jobManager.master(), FakeJobManager.NAME).write(folder);
    remembered = folder.work().resolve("flink.json");
  }

  @AfterEach
  void stop() {
    jobManager.close();
  }

  private void assertKept() {
    RetryableException failure =
        assertThrows(RetryableException.class, () -> Submission.endLeftJob(folder));

    assertTrue(failure.getMessage().contains("cannot be asked to end it"), failure.getMessage());
    assertTrue(failure.getMessage().contains(remembered.toString()), failure.getMessage());
    assertTrue(Files.exists(remembered));
  }

  @Test
  void aRunningJobIsCancelled() throws IOException {
    jobManager.job("RUNNING", "RUNNING", "CANCELED").answer(PATCH, 202, "{}");

    assertEquals(
        "cancelled the job night that an earlier client had left on " + jobManager.master(),
        Submission.endLeftJob(folder));
    assertFalse(Files.exists(remembered));
  }

  @Test
  void aJobManagerThatIsTooSlowToTellItsJobsIsNotGone() {
    jobManager.answer("GET /jobs/overview", 504, TOO_SLOW);

    assertKept();
  }

  @Test
  void aJobManagerThatIsTooSlowToCancelIsNotGone() {
    jobManager.job("RUNNING").answer(PATCH, 504, TOO_SLOW);

    assertKept();
  }

  @Test
  void aJobManagerThatRefusesConnectionsIsGone() throws IOException {
    jobManager.close();

    assertTrue(Submission.endLeftJob(folder).endsWith("which does not answer"));
    assertFalse(Files.exists(remembered));
  }

  @Test
  void aJobThatIsForgottenWhileItIsCancelledIsGone() throws IOException {
    jobManager.job("RUNNING").answer(PATCH, 404, "{}");

    assertNull(Submission.endLeftJob(folder));
    assertFalse(Files.exists(remembered));
  }
}
