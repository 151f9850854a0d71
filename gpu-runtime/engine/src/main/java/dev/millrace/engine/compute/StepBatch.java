package dev.millrace.engine.compute;

/**
 * A step plan as a backend holds it while the step runs: token ids, positions, block tables and
 * what it derives from them, on the device. Valid until the next {@link Backend#begin}.
 */
public interface StepBatch {

  /**
   * Rows of every activation of this step: the plan's tokens, or more where a backend rounds up to
   * a shape it has prepared. Padding rows come last, reach no KV block and no logit.
   */
  int rows();

  /**
   * Rows whose logits are asked for: the distinct {@code tokenRow}s of the plan's logit tasks,
   * ascending.
   */
  int logitRows();
}
