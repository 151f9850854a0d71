package dev.millrace.pipeline.job;

/** Asks a running job to stop; may be triggered from any thread, a signal handler's included. */
public final class CancelToken {
  private volatile boolean cancelled;

  /** Asks the job to stop; idempotent. */
  public void cancel() {
    cancelled = true;
  }

  public boolean isCancelled() {
    return cancelled;
  }

  /**
   * Returns if the job may go on.
   *
   * @throws JobCancelledException if it was cancelled or the calling thread is interrupted
   */
  public void check() {
    if (cancelled || Thread.currentThread().isInterrupted()) {
      throw new JobCancelledException(
          "cancelled; finished rows are kept, the same command continues");
    }
  }
}
