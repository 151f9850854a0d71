package dev.millrace.engine.schedule;

/**
 * What a scheduler has done since it was made; all only grow.
 *
 * @param promptTokens prompt tokens of admitted sequences
 * @param cachedTokens those of them whose keys and values were found in the cache
 * @param computedTokens tokens put into plans, recomputed ones included
 * @param outputTokens tokens drawn
 * @param steps plans carried out
 * @param sequenceSteps sum over plans of their sequences
 * @param preemptions sequences whose blocks were taken back
 * @param stalls times a sequence missed a step for want of a block
 * @param prefixWaits steps in which admission waited for a prefix that was being computed
 */
public record SchedulerCounts(
    long promptTokens,
    long cachedTokens,
    long computedTokens,
    long outputTokens,
    long steps,
    long sequenceSteps,
    long preemptions,
    long stalls,
    long prefixWaits) {}
