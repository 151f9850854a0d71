package dev.millrace.api.engine;

/**
 * Counters of an engine since it was opened; all only grow.
 *
 * @param requests requests completed, failed ones included
 * @param promptTokens prompt tokens of admitted choices ({@code n} to a request)
 * @param cachedTokens those served from the prefix cache
 * @param computedTokens tokens that went through the model
 * @param outputTokens tokens generated
 * @param steps model steps
 * @param sequenceSteps sum over steps of the sequences in the step; divided by steps: occupancy
 * @param preemptions sequences whose blocks were taken back and recomputed
 * @param modelNanos time in the model
 * @param idleNanos time with nothing to do
 */
public record EngineStatistics(
    long requests,
    long promptTokens,
    long cachedTokens,
    long computedTokens,
    long outputTokens,
    long steps,
    long sequenceSteps,
    long preemptions,
    long modelNanos,
    long idleNanos) {}
