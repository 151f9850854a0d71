package dev.millrace.pipeline.job;

/** The job was cancelled or its thread interrupted; the same command continues where it stopped. */
public final class JobCancelledException extends JobException {
  public JobCancelledException(String message) {
    super(ExitCode.CANCELLED, message);
  }
}
