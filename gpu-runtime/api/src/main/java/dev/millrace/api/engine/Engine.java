package dev.millrace.api.engine;

import dev.millrace.api.request.Completion;
import dev.millrace.api.request.GenerationRequest;
import java.util.function.Consumer;

/**
 * Runs requests through a model: requests in, completions out, keyed by id, in any order. The
 * engine refills its batch continuously from what was submitted; it never waits for a group to
 * finish. All methods are thread-safe: several pipeline threads feed one engine.
 */
public interface Engine extends AutoCloseable {

  /** What is loaded and how. */
  EngineInfo info();

  /**
   * Hands over one request. Blocks while the engine's queue is full (back-pressure). The completion
   * is delivered exactly once, on an engine thread; the consumer must be quick and must not throw
   * or submit. When the engine fails, every request in flight completes with the failure {@code
   * ENGINE_FAILED}, and the next submission throws.
   *
   * @return a handle to cancel it; a cancelled request completes with the failure {@code CANCELLED}
   *     within one step
   * @throws EngineException if the engine has failed or is closed
   * @throws InterruptedException if interrupted while waiting for room in the queue
   */
  Submission submit(GenerationRequest request, Consumer<Completion> completion)
      throws InterruptedException;

  /** Counters since the engine was opened. */
  EngineStatistics statistics();

  /**
   * Completes what is in flight with {@code CANCELLED}, then releases everything. Idempotent.
   *
   * @throws EngineException if memory is still out after release, listing it
   */
  @Override
  void close();

  /** A request in flight. */
  interface Submission {
    /** Asks the engine to stop working on it; idempotent. */
    void cancel();
  }
}
