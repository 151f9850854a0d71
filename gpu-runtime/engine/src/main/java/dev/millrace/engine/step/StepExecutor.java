package dev.millrace.engine.step;

/**
 * Carries out step plans: the boundary between scheduling and computing. Steps run in the order
 * they were submitted, and their results are taken in that order, from one thread.
 */
public interface StepExecutor extends AutoCloseable {

  /** Blocks of {@link StepPlan#BLOCK_TOKENS} tokens in the KV cache. */
  int kvBlocks();

  /**
   * Puts a step to work on every rank. At most one step may be under way, and two where {@link
   * #acceptsNext} said so.
   *
   * @throws dev.millrace.api.engine.EngineException if a rank failed (its own error is the cause)
   *     or the step deadline passed; the executor is of no use afterwards
   */
  void submit(StepPlan plan);

  /**
   * Whether the step after the one submitted last may be submitted now, while that one is under
   * way, its token ids referring to what that one draws.
   */
  default boolean acceptsNext() {
    return false;
  }

  /**
   * Waits for the oldest step under way.
   *
   * @throws dev.millrace.api.engine.EngineException as {@link #submit}
   */
  StepResult await();

  /** Runs one step by itself. */
  default StepResult execute(StepPlan plan) {
    submit(plan);
    return await();
  }

  @Override
  void close();
}
