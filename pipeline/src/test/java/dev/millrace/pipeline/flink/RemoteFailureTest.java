package dev.millrace.pipeline.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.JobException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the traces mean that Flink 1.19.3 keeps of its workers' failures. */
final class RemoteFailureTest {
  private static final String RECOVERY =
      "org.apache.flink.runtime.JobException: Recovery is suppressed by"
          + " FixedDelayRestartBackoffTimeStrategy(maxNumberRestartAttempts=3,"
          + " backoffTimeMS=1000)";
  private static final String TRANSPORT =
      "org.apache.flink.runtime.io.network.netty.exception.RemoteTransportException: ";
  private static final String NETTY = "org.apache.flink.shaded.netty4.io.netty.channel.";
  private static final String OF_FUNCTION = "org.apache.beam.sdk.util.UserCodeException: ";

  /** In the frames of every failure Flink's workers are named, and we. */
  private static final String FRAMES =
      """
      \tat dev.millrace.pipeline.generate.ChunkBatch.next(ChunkBatch.java:110)
      \tat org.apache.flink.runtime.taskexecutor.TaskExecutor.submitTask(TaskExecutor.java:799)
      \tat org.apache.flink.runtime.taskmanager.Task.doRun(Task.java:751)
      \t... 8 more
      """;

  /** Each exception is the cause of the one before. */
  private static JobException judge(List<String> exceptions) {
    String trace = String.join("\n" + FRAMES + "Caused by: ", exceptions) + "\n" + FRAMES;
    return RemoteFailure.of(trace).toException("TaskManager worker-1");
  }

  private static JobException judge(String... exceptions) {
    return judge(List.of(exceptions));
  }

  static Stream<List<String>> losses() {
    return Stream.of(
        List.of("java.util.concurrent.TimeoutException: Heartbeat of TaskManager with id w timed"),
        List.of(
            RECOVERY,
            "org.apache.flink.runtime.jobmaster.JobMasterException: TaskManager with id w is no"
                + " longer reachable."),
        List.of("org.apache.flink.util.FlinkException: The TaskExecutor is shutting down."),
        List.of(
            "org.apache.flink.util.FlinkException: Disconnect from JobManager responsible for"
                + " 7cc8d21f8a9ca9ffaee24cdc1a62b739.",
            "java.util.concurrent.TimeoutException: The heartbeat of JobManager with id 4f timed"
                + " out."),
        List.of("java.lang.Exception: Job leader for job id 7cc8d21f lost leadership."),
        List.of(
            TRANSPORT
                + "Lost connection to task manager 'node-2/10.0.0.2:41234 [ w ] '. This indicates"
                + " that the remote task manager was lost.",
            NETTY + "unix.Errors$NativeIoException: readAddress(..) failed: Connection reset"),
        List.of(
            TRANSPORT
                + "Connecting to remote task manager 'node-2/10.0.0.2:41234 [ w ] ' has failed."
                + " This might indicate that the remote task manager has been lost.",
            "org.apache.flink.runtime.io.network.netty.exception.LocalTransportException:"
                + " connect failed",
            NETTY + "AbstractChannel$AnnotatedConnectException: finishConnect(..) failed",
            "java.net.ConnectException: finishConnect(..) failed: Connection refused"),
        List.of(
            TRANSPORT
                + "Connection unexpectedly closed by remote task manager 'node-2/10.0.0.2:41234'."),
        List.of(
            "org.apache.flink.runtime.io.network.partition.PartitionNotFoundException: Partition"
                + " 3a#0@1 not found."),
        List.of(
            "java.io.IOException: Failed to fetch BLOB 7cc8/p-1f from node-1/10.0.0.1:6124",
            "java.net.SocketException: Connection reset"));
  }

  @ParameterizedTest
  @MethodSource("losses")
  void whatIsLostMayBeThereOnTheNextTry(List<String> exceptions) {
    JobException failure = judge(exceptions);

    assertEquals(ExitCode.RETRYABLE, failure.exitCode(), failure.toString());
    assertTrue(failure.getMessage().contains("start the same command again"));
  }

  @Test
  void theExceptionThatNamesALossIsTold() {
    JobException failure =
        judge(
            RECOVERY,
            TRANSPORT + "Lost connection to task manager 'node-2/10.0.0.2:41234'.",
            "java.io.IOException: Connection reset by peer");

    assertEquals(
        "TaskManager worker-1: Lost connection to task manager 'node-2/10.0.0.2:41234'.;"
            + " finished rows are kept, start the same command again",
        failure.getMessage());
  }

  static Stream<List<String>> mistakes() {
    String broken = "java.lang.IllegalStateException: the log of chunk 7 is closed";
    return Stream.of(
        List.of(RECOVERY, OF_FUNCTION + broken, broken),
        List.of(broken),
        List.of("java.lang.NullPointerException"),
        List.of(
            OF_FUNCTION + "java.lang.IllegalStateException: waited for ever",
            "java.lang.IllegalStateException: waited for ever",
            "java.util.concurrent.TimeoutException"),
        List.of("java.lang.NoClassDefFoundError: org/apache/flink/runtime/taskmanager/Task"),
        List.of(
            "java.lang.ClassCastException: class org.apache.flink.runtime.taskmanager.Task cannot"
                + " be cast to class dev.millrace.Task"),
        List.of(
            "java.io.IOException: Insufficient number of network buffers: required 65, but only 47"
                + " available. Increase 'taskmanager.memory.network.max'."),
        List.of(
            "java.lang.OutOfMemoryError: Metaspace. Increase"
                + " 'taskmanager.memory.jvm-metaspace.size'. The task executor has to be"
                + " shutdown..."),
        List.of("dev.millrace.pipeline.job.JobException: the TaskManager did what it must not"));
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void aMistakeIsNoLossWhateverItsWordsAndFrames(List<String> exceptions) {
    JobException failure = judge(exceptions);

    assertEquals(ExitCode.INTERNAL, failure.exitCode(), failure.toString());
  }

  @Test
  void aMistakeIsToldByItsRoot() {
    assertEquals(
        "the job failed: NullPointerException: TaskManager worker-1: ",
        judge(
                OF_FUNCTION + "java.lang.IllegalStateException: java.lang.NullPointerException",
                "java.lang.IllegalStateException: java.lang.NullPointerException",
                "java.lang.NullPointerException")
            .getMessage());
  }

  @Test
  void anEngineClosedByAWorkerThatEndsIsNoMistake() {
    String closed =
        "dev.millrace.pipeline.job.JobCancelledException: the engine cancelled requests: the job"
            + " is ending";

    assertEquals(ExitCode.RETRYABLE, judge(RECOVERY, OF_FUNCTION + closed, closed).exitCode());
  }

  @Test
  void storageThatFailsUnderAFunctionMayBeThereOnTheNextTry() {
    String stale = "java.nio.file.FileSystemException: 7.log: Stale file handle";
    String broken = "java.io.IOException: Input/output error";

    assertEquals(ExitCode.RETRYABLE, judge(RECOVERY, OF_FUNCTION + stale, stale).exitCode());
    assertEquals(ExitCode.RETRYABLE, judge(RECOVERY, OF_FUNCTION + broken, broken).exitCode());
  }

  @Test
  void oursIsTakenAtItsWord() {
    String invalid = "dev.millrace.pipeline.job.InvalidInputException: expected a TaskManager, no";

    JobException failure =
        judge(OF_FUNCTION + invalid, invalid, "java.net.SocketException: Connection reset");

    assertEquals(ExitCode.INVALID_INPUT, failure.exitCode());
    assertEquals("TaskManager worker-1: expected a TaskManager, no", failure.getMessage());
  }

  @Test
  void anEngineThatDoesNotFitItsWorkerHasTheCodeOfThat() {
    String refused =
        "dev.millrace.pipeline.generate.WorkerException: worker node-2 (process 7): the engine"
            + " cannot be opened: weights need 14.2 GiB, 9.1 GiB are free";

    JobException failure =
        judge(
            RECOVERY,
            OF_FUNCTION + refused,
            refused,
            "dev.millrace.api.engine.DoesNotFitException: weights need 14.2 GiB, 9.1 GiB are free");

    assertEquals(ExitCode.DOES_NOT_FIT, failure.exitCode());
    assertTrue(failure.getMessage().contains("worker node-2 (process 7)"), failure.getMessage());
  }

  @Test
  void tooFewSlotsAreNoLoss() {
    String lack =
        "org.apache.flink.runtime.jobmanager.scheduler.NoResourceAvailableException: Slot request"
            + " bulk is not fulfillable!";

    JobException failure =
        judge(
            RECOVERY,
            "java.util.concurrent.CompletionException: " + lack,
            lack,
            "java.util.concurrent.TimeoutException: Timeout has occurred: 300000 ms");

    assertEquals(ExitCode.RETRYABLE, failure.exitCode());
    assertTrue(failure.getMessage().contains("too few free slots"), failure.getMessage());
  }

  @Test
  void aTraceThatIsNoneIsTold() {
    assertTrue(RemoteFailure.of("").toException("").getMessage().contains("no reason given"));
  }
}
