package dev.millrace.api.request;

/**
 * Log-probability of one token, natural logarithm, of the model's own distribution: before
 * temperature, penalties and filters.
 *
 * @param tokenId the token
 * @param logprob its log-probability
 * @param topTokenIds the most likely tokens at this position, best first; empty if none were asked
 * @param topLogprobs their log-probabilities
 */
@SuppressWarnings("ArrayRecordComponent")
public record TokenLogprob(int tokenId, float logprob, int[] topTokenIds, float[] topLogprobs) {}
