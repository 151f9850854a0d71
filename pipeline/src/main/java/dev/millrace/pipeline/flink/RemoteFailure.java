package dev.millrace.pipeline.flink;

import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.RetryableException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a stack trace from another process says: the exception of ours that is nearest its root, or
 * else the root itself.
 *
 * @param type simple name of the exception
 * @param message its message
 */
record RemoteFailure(String type, String message) {
  private static final Pattern OURS =
      Pattern.compile(
          "(?m)^(?:Caused by: )?dev\\.millrace\\.[\\w.]*?(\\w+(?:Exception|Failure)): (.*)$");
  private static final Pattern ANY =
      Pattern.compile(
          "(?m)^(?:Caused by: )?[\\w.$]*?([\\w$]+(?:Exception|Error|Throwable)): (.*)$");

  static RemoteFailure of(String trace) {
    Matcher ours = OURS.matcher(trace);
    if (ours.find()) {
      return new RemoteFailure(
          ours.group(1), ours.group(2)); // the outermost of ours has the advice
    }
    Matcher any = ANY.matcher(trace);
    RemoteFailure last = new RemoteFailure("", trace.lines().findFirst().orElse("no reason given"));
    while (any.find()) {
      last = new RemoteFailure(any.group(1), any.group(2));
    }
    return last;
  }

  JobException toException(String where) {
    String text = (where.isEmpty() ? "" : where + ": ") + message;
    return switch (type) {
      case "InvalidInputException" -> new InvalidInputException(text);
      case "WorkerException" -> new InvalidInputException(text + placeOfWorkspaces());
      case "RetryableException", "EngineException" -> new RetryableException(text);
      case "NoResourceAvailableException" ->
          new RetryableException(
              text
                  + "; the cluster has too few free slots: wait, lower --parallelism, or start more"
                  + " TaskManagers");
      default ->
          isLoss(message)
              ? new RetryableException(
                  text + "; finished rows are kept, start the same command again")
              : new JobException(ExitCode.INTERNAL, "the job failed: " + type + ": " + text);
    };
  }

  /** A worker that lacks the workspace advises to convert one, but the client has it. */
  private String placeOfWorkspaces() {
    return message.contains("workspace")
        ? "; the workspace must lie under the same path on every worker: copy it there, or put it on"
            + " a shared file system"
        : "";
  }

  /** Whether a worker was lost, which is nobody's mistake. */
  private static boolean isLoss(String message) {
    return message.contains("TaskManager")
        || message.contains("TaskExecutor")
        || message.contains("Connection unexpectedly closed")
        || message.contains("no longer reachable");
  }
}
