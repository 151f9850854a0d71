package dev.millrace.api.workspace;

/** Hears how far a long read or write has come; called from worker threads, one at a time. */
@FunctionalInterface
public interface ByteProgress {
  /** Hears nothing. */
  ByteProgress NONE = (done, total) -> {};

  /**
   * Says how far it has come.
   *
   * @param bytesDone bytes done so far, never fewer than before
   * @param bytesTotal bytes to do
   */
  void progress(long bytesDone, long bytesTotal);
}
