package dev.millrace.engine.step;

/**
 * Carries out step plans: the boundary between scheduling and computing. One plan at a time, from
 * one thread.
 */
public interface StepExecutor extends AutoCloseable {

  /** Blocks of {@link StepPlan#BLOCK_TOKENS} tokens in the KV cache. */
  int kvBlocks();

  /**
   * Runs the plan on every rank.
   *
   * @throws dev.millrace.api.engine.EngineException if a rank failed (its own error is the cause)
   *     or the step deadline passed; the executor is of no use afterwards
   */
  StepResult execute(StepPlan plan);

  @Override
  void close();
}
