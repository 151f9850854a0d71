package dev.millrace.pipeline.job;

/** An input file, an output folder or a setting that no retry will make right. */
public final class InvalidInputException extends JobException {
  public InvalidInputException(String message) {
    this(message, null);
  }

  public InvalidInputException(String message, Throwable cause) {
    super(ExitCode.INVALID_INPUT, message, cause);
  }
}
