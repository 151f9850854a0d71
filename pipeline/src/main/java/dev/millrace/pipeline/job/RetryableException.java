package dev.millrace.pipeline.job;

/** Something outside the job failed; the same command continues where it stopped. */
public final class RetryableException extends JobException {
  public RetryableException(String message) {
    this(message, null);
  }

  public RetryableException(String message, Throwable cause) {
    super(ExitCode.RETRYABLE, message, cause);
  }
}
