package dev.millrace.engine.step;

/**
 * What a step gave, one entry a logit task, in the plan's order.
 *
 * @param tokenIds the token drawn, or the target of a score // (tasks)
 * @param logprobs its log-probability before sampling settings, natural logarithm // (tasks)
 * @param topTokenIds the most likely tokens, best first // (tasks)(topLogprobs)
 * @param topLogprobs their log-probabilities // (tasks)(topLogprobs)
 */
@SuppressWarnings("ArrayRecordComponent")
public record StepResult(
    int[] tokenIds, float[] logprobs, int[][] topTokenIds, float[][] topLogprobs) {}
