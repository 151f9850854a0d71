package dev.millrace.jobs.evaluate.result;

/** What a gate says, of one task or of a whole night; the worst of all wins. */
public enum Verdict {
  /** Every rule held. */
  PASS,
  /** Nothing that fails a night, but something that somebody should look at. */
  WARN,
  /** At least one rule failed: the command ends with exit code 5. */
  FAIL;

  /** The worse of the two. */
  public Verdict worse(Verdict other) {
    return compareTo(other) >= 0 ? this : other;
  }
}
