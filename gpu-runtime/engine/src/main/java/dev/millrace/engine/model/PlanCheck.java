package dev.millrace.engine.model;

import dev.millrace.engine.compute.StepLimits;
import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepPlan;

/**
 * Checks a plan against what the ranks were sized for, before any of them sees it: within a step
 * nothing is checked again. What fails here is a bug of the scheduler.
 */
final class PlanCheck {
  private final StepLimits limits;
  private final int kvBlocks;
  private final int vocabulary;

  PlanCheck(StepLimits limits, int kvBlocks, int vocabulary) {
    this.limits = limits;
    this.kvBlocks = kvBlocks;
    this.vocabulary = vocabulary;
  }

  /**
   * @param drawnBefore logit tasks of the step before, to which token ids may refer; 0 if its
   *     result is in
   * @throws IllegalArgumentException saying what is wrong with the plan
   */
  void check(StepPlan plan, int drawnBefore) {
    below("tokens of the step", plan.tokens(), limits.tokensMax() + 1);
    below("sequences of the step", plan.sequences(), limits.sequencesMax() + 1);
    for (int row = 0; row < plan.tokens(); row++) {
      int tokenId = plan.tokenIds()[row];
      if (tokenId < 0) {
        below("task of the step before that draws a token", -1 - tokenId, drawnBefore);
      } else {
        below("token id", tokenId, vocabulary);
      }
    }
    for (int sequence = 0; sequence < plan.sequences(); sequence++) {
      checkSequence(plan, sequence);
    }
    checkTasks(plan);
  }

  private void checkSequence(StepPlan plan, int sequence) {
    int start = plan.queryStarts()[sequence];
    int tokens = plan.queryStarts()[sequence + 1] - start;
    int context = plan.contextTokens()[sequence];
    below("tokens of a sequence", tokens, context + 1);
    below("context of a sequence", context, limits.contextTokensMax() + 1);
    for (int i = 0; i < tokens; i++) {
      int expected = context - tokens + i;
      if (plan.positions()[start + i] != expected) {
        throw new IllegalArgumentException(
            "step plan: sequence %d, token %d: expected position %d, found %d"
                .formatted(sequence, i, expected, plan.positions()[start + i]));
      }
    }
    int[] blocks = plan.blockTables()[sequence];
    int needed = (context + StepPlan.BLOCK_TOKENS - 1) / StepPlan.BLOCK_TOKENS;
    if (blocks.length < needed) {
      throw new IllegalArgumentException(
          "step plan: sequence %d: expected %d blocks for %d tokens, found %d"
              .formatted(sequence, needed, context, blocks.length));
    }
    for (int i = 0; i < needed; i++) {
      below("KV block", blocks[i], kvBlocks);
    }
  }

  private void checkTasks(StepPlan plan) {
    int before = 0;
    for (int i = 0; i < plan.logitTasks().size(); i++) {
      LogitTask task = plan.logitTasks().get(i);
      below("row of a logit task", task.tokenRow(), plan.tokens());
      if (task.tokenRow() < before) {
        throw new IllegalArgumentException(
            "step plan: logit task %d: expected rows to ascend, found %d after %d"
                .formatted(i, task.tokenRow(), before));
      }
      before = task.tokenRow();
      if (task instanceof LogitTask.Score score) {
        below("target of a score", score.targetTokenId(), vocabulary);
      }
    }
  }

  private static void below(String what, int found, int limit) {
    if (found < 0 || found >= limit) {
      throw new IllegalArgumentException(
          "step plan: %s: expected 0 to %d, found %d".formatted(what, limit - 1, found));
    }
  }
}
