package dev.millrace.pipeline.generate;

/**
 * An engine that others use too whom this process cannot see: other jobs of the same worker. Who
 * looks for the request that makes an engine fail must have it alone, or a neighbour's request
 * could take the blame.
 */
public interface SoleUse {
  /**
   * Keeps others off the engine and waits until it has nothing of theirs.
   *
   * @return false if the engine failed before
   * @throws EngineUnavailableException if it was closed before
   */
  boolean claim() throws InterruptedException;

  /** Lets the others in again. */
  void release();
}
