package dev.millrace.jobs.outcome;

import java.util.Arrays;
import java.util.Optional;

/** The exit codes of every command. Schedulers rely on them: change none. */
public enum ExitCode {
  DONE(0, "all rows done"),
  INTERNAL(1, "internal error"),
  USAGE(2, "usage error or invalid input"),
  FAILED_ROWS(3, "finished, with more failure rows than allowed"),
  DOES_NOT_FIT(4, "does not fit into memory (see the plan)"),
  GATE_FAILED(5, "a quality gate failed"),
  RETRYABLE(75, "failed for now; run the same command again"),
  INTERRUPTED(130, "interrupted; the same command resumes");

  private final int number;
  private final String meaning;

  ExitCode(int number, String meaning) {
    this.number = number;
    this.meaning = meaning;
  }

  public int number() {
    return number;
  }

  public String meaning() {
    return meaning;
  }

  /** The code with this number, if it is one of ours. */
  public static Optional<ExitCode> ofNumber(int number) {
    return Arrays.stream(values()).filter(code -> code.number == number).findFirst();
  }
}
