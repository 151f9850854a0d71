package dev.millrace.api.request;

import java.util.List;

/**
 * One of the {@code n} answers to a request.
 *
 * @param index 0 to n - 1
 * @param tokenIds the generated tokens, the end token included where one was drawn
 * @param text their text, without the end token, stop string and (by default) special tokens
 * @param finishReason why it ended
 * @param stoppedBy the stop string or the stop token (as text) that ended it, or null
 * @param cumulativeLogprob sum of the log-probabilities of {@code tokenIds} (of the continuation,
 *     for scoring)
 * @param logprobs one entry a token if asked for, else empty
 * @param seed the seed the draws came from; with the same settings it gives the same tokens
 */
@SuppressWarnings("ArrayRecordComponent")
public record Choice(
    int index,
    int[] tokenIds,
    String text,
    FinishReason finishReason,
    String stoppedBy,
    double cumulativeLogprob,
    List<TokenLogprob> logprobs,
    long seed) {
  public Choice {
    logprobs = List.copyOf(logprobs);
  }
}
