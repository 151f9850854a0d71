package dev.millrace.pipeline.job;

import java.util.Objects;

/**
 * A job that cannot go on. Rows that fail are no exception: they become failure rows. The message
 * is for a person: expected, found, where, what to do.
 */
public class JobException extends RuntimeException {
  private final ExitCode exitCode;

  public JobException(ExitCode exitCode, String message) {
    this(exitCode, message, null);
  }

  public JobException(ExitCode exitCode, String message, Throwable cause) {
    super(message, cause);
    this.exitCode = Objects.requireNonNull(exitCode, "exitCode");
  }

  public final ExitCode exitCode() {
    return exitCode;
  }
}
