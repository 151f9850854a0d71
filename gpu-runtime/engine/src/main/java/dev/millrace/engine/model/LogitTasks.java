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
   * A step begins.
   *
   * @param result shared by all ranks; all of them together fill every entry, each once
   */
  default void begin(StepPlan plan, StepResult result) {}

  /**
   * Carries out the tasks of some of the step's logit rows, or lets a device begin. Every rank
   * calls this with the same rows, ascending within a step.
   *
   * @param firstRow which of the step's logit rows the first row of logits is
   * @param rows how many there are
   * @param logits (rows, vocabularyPart) float32, this rank's part
   */
  void run(int firstRow, int rows, Tensor logits);

  /** All logit rows of the step have been given. */
  default void end() {}

  /**
   * Whether the tokens that the last step draws lie where the next step finds them, before they are
   * in the result.
   */
  default boolean acceptsNext() {
    return false;
  }

  /** Whether a step is under way that {@link #await} would wait for. */
  default boolean isUnderWay() {
    return false;
  }

  /** Waits until the oldest step that is under way is done and its result is filled. */
  default void await() {}

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
