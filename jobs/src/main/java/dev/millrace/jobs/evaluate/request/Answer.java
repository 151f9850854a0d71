package dev.millrace.jobs.evaluate.request;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.List;
import java.util.Objects;

/**
 * What a model answered to one request.
 *
 * @param key of the request
 * @param texts generated answers; empty if something was scored or it failed
 * @param finishReasons of each
 * @param logprob summed log-probability of what was scored, or null
 * @param scoredTokens number of tokens that were scored
 * @param greedy whether greedy decoding would say the continuation, or null
 * @param promptTokens tokens of the prompt
 * @param outputTokens generated tokens
 * @param failure reason and message, or null
 */
public record Answer(
    String key,
    List<String> texts,
    List<String> finishReasons,
    Double logprob,
    int scoredTokens,
    Boolean greedy,
    int promptTokens,
    int outputTokens,
    String failure) {
  /** What two sums of float log-probabilities may differ by and still be the same answer. */
  private static final double LOGPROB_TOLERANCE = 1e-3;

  public Answer {
    Objects.requireNonNull(key, "key");
    texts = List.copyOf(texts);
    finishReasons = List.copyOf(finishReasons);
  }

  @JsonIgnore
  public boolean isFailed() {
    return failure != null;
  }

  /** Whether both say the same, as far as a score can tell. */
  boolean agreesWith(Answer other) {
    if (logprob == null || other.logprob == null) {
      return logprob == null && other.logprob == null && texts.equals(other.texts);
    }
    return Math.abs(logprob - other.logprob) <= LOGPROB_TOLERANCE;
  }
}
