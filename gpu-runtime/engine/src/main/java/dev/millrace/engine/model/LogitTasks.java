package dev.millrace.engine.model;

import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.rank.Collective;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;

/**
 * The end of a step on one rank: from the rank's part of some rows of logits to the answers of the
 * logit tasks on these rows. In host memory it is {@link HostLogitTasks}; a device may draw where
 * the logits are.
 */
public interface LogitTasks {

  /**
   * Carries out the tasks of some logit rows. Every rank calls this with the same rows; together
   * they fill every entry of the result that belongs to them, each once.
   *
   * @param plan the step
   * @param firstRow which of the step's logit rows the first row of logits is
   * @param rows how many there are
   * @param logits (rows, vocabularyPart) float32, this rank's part
   * @param result shared by all ranks
   */
  void run(StepPlan plan, int firstRow, int rows, Tensor logits, StepResult result);

  /** Makes the end of the step for a rank. */
  @FunctionalInterface
  interface Factory {
    /**
     * Makes it on the rank's thread.
     *
     * @param gathered (rows, vocabulary) room for the logits of all ranks; the rank's own logits
     *     where there is one rank
     */
    LogitTasks create(Backend backend, Collective collective, Tensor gathered);
  }
}
