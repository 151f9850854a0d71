package dev.millrace.jobs.outcome;

import java.util.Objects;

/**
 * A command cannot go on. The message says what was expected, what was found and where; the remedy
 * says what to do about it.
 */
public final class CommandException extends RuntimeException {
  private final ExitCode exitCode;
  private final String remedy;

  public CommandException(ExitCode exitCode, String message, String remedy) {
    this(exitCode, message, remedy, null);
  }

  public CommandException(ExitCode exitCode, String message, String remedy, Throwable cause) {
    super(message, cause);
    this.exitCode = Objects.requireNonNull(exitCode, "exitCode");
    this.remedy = Objects.requireNonNull(remedy, "remedy");
  }

  /** The user asked for something that cannot be done, or the input is not valid. */
  public static CommandException usage(String message, String remedy) {
    return new CommandException(ExitCode.USAGE, message, remedy);
  }

  public ExitCode exitCode() {
    return exitCode;
  }

  /** One imperative sentence. */
  public String remedy() {
    return remedy;
  }
}
