package dev.millrace.engine.rank;

/** A rank of the group failed; the cause is its own error. All ranks of the group see this one. */
public final class RankFailedException extends RuntimeException {
  private final int rank;

  public RankFailedException(int rank, Throwable cause) {
    super("rank %d failed: %s".formatted(rank, cause), cause);
    this.rank = rank;
  }

  /** The rank that failed first. */
  public int rank() {
    return rank;
  }
}
