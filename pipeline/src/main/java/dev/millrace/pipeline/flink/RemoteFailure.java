package dev.millrace.pipeline.flink;

import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.RetryableException;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/** A failure on a worker, as the stack trace that its cluster keeps tells it. */
final class RemoteFailure {
  /** A line of a trace that is an exception or its cause; frames begin with a tab. */
  private static final Pattern EXCEPTION =
      Pattern.compile(
          "(?m)^(?:Caused by: )?((?:\\w+\\.)*)([\\w$]+(?:Exception|Error|Throwable|Failure))"
              + "(?:: (.*))?$");

  /** Processes of Flink; not its packages, nor settings like {@code taskmanager.memory.x}. */
  private static final Pattern LOSS =
      Pattern.compile(
          "(?i)(?<!\\.)(?:task ?manager|task ?executor|job ?manager)(?!\\.\\w)"
              + "|no longer reachable|lost leadership|connection unexpectedly closed");

  private static final Pattern LOSS_TYPE =
      Pattern.compile(".*(?:Timeout|Socket|Connect|Transport)Exception|Partition\\w+Exception");

  private final List<Thrown> chain;

  private RemoteFailure(List<Thrown> chain) {
    this.chain = chain;
  }

  /** One exception of a trace. */
  private record Thrown(String origin, String type, String message) {
    String told() {
      return message.isEmpty() ? type : message;
    }

    boolean isOurs() {
      return origin.startsWith("dev.millrace.");
    }

    /** Beam's wrapper of what a function of a pipeline threw. */
    boolean isOfFunction() {
      return type.equals("UserCodeException");
    }

    boolean isStorage() {
      return origin.equals("java.nio.file.")
          || (origin.equals("java.io.") && type.equals("IOException"));
    }

    boolean isLackOfSlots() {
      return type.equals("NoResourceAvailableException");
    }

    /** Whether a process of the cluster, or the way to it, was lost, which is nobody's mistake. */
    boolean isLoss() {
      return !type.endsWith("Error") // of memory: its advice names settings of the TaskManager
          && (LOSS.matcher(message).find() || LOSS_TYPE.matcher(type).matches());
    }
  }

  /** From a trace, outermost exception first. */
  static RemoteFailure of(String trace) {
    List<Thrown> chain =
        EXCEPTION
            .matcher(trace)
            .results()
            .map(m -> new Thrown(m.group(1), m.group(2), m.group(3) == null ? "" : m.group(3)))
            .toList();
    String said = trace.lines().findFirst().orElse("no reason given");
    return new RemoteFailure(
        chain.isEmpty() ? List.of(new Thrown("", "no exception", said)) : chain);
  }

  /** The outermost exception of a kind, or null: it has the advice, or names what was lost. */
  private Thrown first(Predicate<Thrown> kind) {
    return chain.stream().filter(kind).findFirst().orElse(null);
  }

  /**
   * What it means for the job.
   *
   * @param where worker that it happened on, or empty
   */
  JobException toException(String where) {
    String prefix = where.isEmpty() ? "" : where + ": ";
    Thrown root = chain.get(chain.size() - 1);
    Thrown ours = first(Thrown::isOurs);
    if (first(thrown -> thrown.isOurs() && thrown.type().equals("DoesNotFitException")) != null) {
      return new JobException(ExitCode.DOES_NOT_FIT, prefix + ours.message());
    }
    if (ours != null) {
      return ofOurs(ours, prefix);
    }
    if (first(Thrown::isOfFunction) != null) { // no word of a mistake of ours makes it a loss
      return root.isStorage()
          ? passing(prefix + "reading or writing failed: " + root.message())
          : internal(root, prefix);
    }
    Thrown lack = first(Thrown::isLackOfSlots);
    if (lack != null) {
      return new RetryableException(
          prefix
              + lack.message()
              + "; the cluster has too few free slots: wait, lower --parallelism, or start more"
              + " TaskManagers");
    }
    Thrown loss = first(Thrown::isLoss);
    return loss == null ? internal(root, prefix) : passing(prefix + loss.told());
  }

  private static JobException ofOurs(Thrown ours, String prefix) {
    String text = prefix + ours.message();
    return switch (ours.type()) {
      case "InvalidInputException" -> new InvalidInputException(text);
      case "WorkerException" -> new InvalidInputException(text + placeOfWorkspaces(ours.message()));
      case "RetryableException", "EngineException", "EngineUnavailableException" ->
          new RetryableException(text);
      case "JobCancelledException" -> passing(text); // not by us: the worker was told to end
      default -> internal(ours, prefix);
    };
  }

  private static JobException passing(String text) {
    return new RetryableException(text + "; finished rows are kept, start the same command again");
  }

  private static JobException internal(Thrown thrown, String prefix) {
    return new JobException(
        ExitCode.INTERNAL, "the job failed: " + thrown.type() + ": " + prefix + thrown.message());
  }

  /** A worker that lacks the workspace advises to convert one, but the client has it. */
  private static String placeOfWorkspaces(String message) {
    return message.contains("workspace")
        ? "; the workspace must lie under the same path on every worker: copy it there, or put it on"
            + " a shared file system"
        : "";
  }
}
