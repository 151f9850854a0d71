package dev.millrace.engine.step;

/**
 * Carries out logit tasks over logits in host memory. Thread-safe: ranks carry out different tasks
 * of one step at the same time.
 */
public interface LogitSampler {

  /**
   * Carries out one task.
   *
   * @param task what to do
   * @param logits holds the row; not changed, since several tasks may share it
   * @param start where the row begins in {@code logits}
   * @param count size of the vocabulary, padding left out
   * @param result takes the answer
   * @param taskIndex the entry of {@code result} to fill; none other is touched
   */
  void carryOut(
      LogitTask task, float[] logits, int start, int count, StepResult result, int taskIndex);
}
