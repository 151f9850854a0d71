package dev.millrace.engine.schedule;

import dev.millrace.engine.step.StepPlan;

/**
 * What a step and the KV cache can hold.
 *
 * @param sequencesMax most sequences in one step
 * @param stepTokensMax most tokens in one step; at least {@code sequencesMax}, so that every
 *     running sequence can have a token in every step
 * @param logitRowsMax most tokens of a step whose logits are asked for; at least {@code
 *     sequencesMax}
 * @param kvBlocks blocks of the KV cache
 * @param sequenceTokensMax most tokens of one sequence, prompt and output together; must fit the KV
 *     cache, so that one sequence can always reach its end
 * @param prefixCache whether equal prompt prefixes share their blocks
 * @param sequencesStep a step of some more sequences than a multiple of this takes as long as one
 *     of the next multiple; 1 where its time grows with each
 * @param rowsStep a step's tokens are computed as if they were the next multiple of this
 */
public record SchedulerLimits(
    int sequencesMax,
    int stepTokensMax,
    int logitRowsMax,
    int kvBlocks,
    int sequenceTokensMax,
    boolean prefixCache,
    int sequencesStep,
    int rowsStep) {

  /** Limits of steps whose time grows with each sequence and token. */
  public SchedulerLimits(
      int sequencesMax,
      int stepTokensMax,
      int logitRowsMax,
      int kvBlocks,
      int sequenceTokensMax,
      boolean prefixCache) {
    this(sequencesMax, stepTokensMax, logitRowsMax, kvBlocks, sequenceTokensMax, prefixCache, 1, 1);
  }

  public SchedulerLimits {
    if (sequencesStep < 1 || rowsStep < 1) {
      throw new IllegalArgumentException(
          "sequencesStep, rowsStep: expected 1 or more, found %d, %d"
              .formatted(sequencesStep, rowsStep));
    }
    if (sequencesMax < 1 || stepTokensMax < sequencesMax || logitRowsMax < sequencesMax) {
      throw new IllegalArgumentException(
          "expected at least 1 sequence a step and at least as many tokens and logit rows, found "
              + "%d sequences, %d tokens, %d logit rows"
                  .formatted(sequencesMax, stepTokensMax, logitRowsMax));
    }
    if ((long) kvBlocks * StepPlan.BLOCK_TOKENS < sequenceTokensMax) {
      throw new IllegalArgumentException(
          "KV cache of %d blocks holds %d tokens, fewer than the %d of one sequence; raise kvCacheBytes or lower contextTokensMax"
              .formatted(kvBlocks, (long) kvBlocks * StepPlan.BLOCK_TOKENS, sequenceTokensMax));
    }
  }
}
