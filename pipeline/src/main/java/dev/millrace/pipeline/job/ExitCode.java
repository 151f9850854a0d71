package dev.millrace.pipeline.job;

/** How a job ended, as a scheduler sees it. */
public enum ExitCode {
  /** Every row has a completion, or the share of failures is allowed. */
  DONE(0),
  /** A defect of the program. */
  INTERNAL(1),
  /** The call or its input is wrong: trying again changes nothing. */
  INVALID_INPUT(2),
  /** Finished, but with more failure rows than allowed. */
  TOO_MANY_FAILURES(3),
  /** The model or its cache does not fit the machine. */
  DOES_NOT_FIT(4),
  /** Something outside the job failed (disk full, engine lost): start it again, it resumes. */
  RETRYABLE(75),
  /** Cancelled or interrupted; what was finished is kept. */
  CANCELLED(130);

  private final int code;

  ExitCode(int code) {
    this.code = code;
  }

  public int code() {
    return code;
  }
}
