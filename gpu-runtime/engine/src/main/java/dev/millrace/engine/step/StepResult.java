package dev.millrace.engine.step;

/**
 * What a step gave, one entry a logit task, in the plan's order.
 *
 * @param tokenIds the token drawn, or the target of a score; -1 where no token can be drawn //
 *     (tasks)
 * @param logprobs its log-probability before sampling settings, natural logarithm; NaN where the
 *     logits are not numbers or no token can be drawn // (tasks)
 * @param topTokenIds the most likely tokens, best first // (tasks)(topLogprobs)
 * @param topLogprobs their log-probabilities // (tasks)(topLogprobs)
 */
@SuppressWarnings("ArrayRecordComponent")
public record StepResult(
    int[] tokenIds, float[] logprobs, int[][] topTokenIds, float[][] topLogprobs) {}
