package dev.millrace.api.request;

import java.util.Objects;

/**
 * One request to an engine.
 *
 * @param id names the request and, where no seed is set, seeds its draws; unique among those in
 *     flight
 * @param prompt what to continue
 * @param continuation if not null, nothing is generated: this text or these tokens are scored
 *     (log-likelihood) after the prompt. {@link Prompt.Chat} is refused here.
 * @param sampling how to draw and when to stop
 */
public record GenerationRequest(
    String id, Prompt prompt, Prompt continuation, SamplingSettings sampling) {
  public GenerationRequest {
    Objects.requireNonNull(id, "id");
    Objects.requireNonNull(prompt, "prompt");
    Objects.requireNonNull(sampling, "sampling");
    if (continuation instanceof Prompt.Chat) {
      throw new IllegalArgumentException(
          "a continuation is text or token ids, found a conversation (id=" + id + ")");
    }
  }

  public GenerationRequest(String id, Prompt prompt, SamplingSettings sampling) {
    this(id, prompt, null, sampling);
  }

  public boolean isScoring() {
    return continuation != null;
  }
}
