package dev.millrace.api.engine;

import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestException;

/**
 * Turns prompts into token ids exactly as the engine does: chat template, tokenizer. Needs no
 * weights, so a job can count its tokens before an engine is open. Thread-safe.
 */
public interface PromptEncoder {

  /**
   * Token ids of a prompt. Special tokens come from the template alone: user content is never
   * parsed for them.
   *
   * @throws RequestException if the template refuses the messages, the text is not valid, or a
   *     token id is outside the vocabulary
   */
  int[] encode(Prompt prompt) throws RequestException;

  /** Most tokens of prompt and output together. */
  int contextTokensMax();
}
