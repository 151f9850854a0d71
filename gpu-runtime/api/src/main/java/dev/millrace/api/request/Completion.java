package dev.millrace.api.request;

import java.util.List;
import java.util.Objects;

/**
 * What became of one request: choices, or a failure. Every request yields exactly one.
 *
 * @param id the request's id
 * @param choices the answers by index; empty if it failed
 * @param promptLogprobs one entry a prompt token from the second on, if asked for, else empty
 * @param usage token counts
 * @param failure why there is no answer, or null
 */
public record Completion(
    String id,
    List<Choice> choices,
    List<TokenLogprob> promptLogprobs,
    TokenUsage usage,
    RequestFailure failure) {
  public Completion {
    Objects.requireNonNull(id, "id");
    choices = List.copyOf(choices);
    promptLogprobs = List.copyOf(promptLogprobs);
    Objects.requireNonNull(usage, "usage");
  }

  /** A completion that carries only a failure. */
  public static Completion failed(String id, RequestFailure failure) {
    return new Completion(
        id,
        List.of(),
        List.of(),
        new TokenUsage(0, 0, 0),
        Objects.requireNonNull(failure, "failure"));
  }

  public boolean isFailed() {
    return failure != null;
  }
}
