package dev.millrace.engine.step;

/**
 * Carries out logit tasks over logits in host memory. Used by one thread; different tasks of one
 * step may be carried out by different samplers at the same time, on the same logits and result.
 */
@FunctionalInterface
public interface LogitSampler {

  /**
   * Carries out one task.
   *
   * @param task what to do
   * @param logits holds the row; not changed, since several tasks may share it
   * @param offset where the row begins in {@code logits}
   * @param result takes the answer
   * @param index the entry of {@code result} to fill; none other is touched
   */
  void run(LogitTask task, float[] logits, int offset, StepResult result, int index);
}
