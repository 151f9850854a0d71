package dev.millrace.jobs.evaluate.result;

/**
 * What one model's batch job did.
 *
 * @param requests all requests of the night
 * @param reusedRequests those answered from the cache of earlier nights
 * @param computedRequests those the engine answered, over all starts of this night
 * @param duplicateRequests those answered by an equal one of the same night
 * @param promptTokens tokens in, of computed requests
 * @param cachedTokens those of them from the engine's prefix cache
 * @param outputTokens tokens out, of computed requests
 * @param stageSeconds read, render, tokenise
 * @param loadSeconds opening the engine
 * @param generateSeconds computing
 * @param assembleSeconds writing answers
 * @param scoreSeconds extracting and judging
 * @param totalSeconds the model's share of the night, by the wall clock
 * @param outputTokensPerSecond while generating; 0 if nothing was generated
 * @param computedTokensPerSecond prompt and output through the model while generating
 * @param cost {@code totalSeconds} at the spec's price per hour; null if it has none
 * @param currency of the cost, or null
 */
public record JobTotals(
    long requests,
    long reusedRequests,
    long computedRequests,
    long duplicateRequests,
    long promptTokens,
    long cachedTokens,
    long outputTokens,
    double stageSeconds,
    double loadSeconds,
    double generateSeconds,
    double assembleSeconds,
    double scoreSeconds,
    double totalSeconds,
    double outputTokensPerSecond,
    double computedTokensPerSecond,
    Double cost,
    String currency) {}
