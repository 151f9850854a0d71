package dev.millrace.jobs.evaluate.prompt;

import dev.millrace.api.engine.PromptEncoder;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestException;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.jobs.evaluate.request.ModelRequest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Cuts a text into windows whose tokens are each scored once: the first window as long as the model
 * takes, each next one begins with the last tokens of the one before as context. The very first
 * token is not scored unless the tokenizer puts a token before it: nothing precedes it.
 */
final class Windows {
  private final PromptEncoder encoder;
  private final int size;
  private final int context;
  private final int prefix;

  /**
   * Windows.
   *
   * @param size tokens of a window, its context included; 0 takes as many as the model does
   * @param context tokens that are not scored again, at least 1
   */
  Windows(PromptEncoder encoder, int size, int context) throws RequestException {
    this.encoder = encoder;
    // a request has room for one generated token, which nobody looks at
    int most = encoder.contextTokensMax() - 1;
    this.size = size == 0 ? most : Math.min(size, most);
    this.context = Math.min(context, this.size - 1);
    this.prefix = prefix(encoder);
  }

  /** Tokens that stand before every text: what is left of an empty one. */
  private static int prefix(PromptEncoder encoder) throws RequestException {
    try {
      return encoder.encode(new Prompt.Text("")).length;
    } catch (RequestException e) {
      if (e.failure().reason() == FailureReason.PROMPT_EMPTY) {
        return 0;
      }
      throw e;
    }
  }

  List<ModelRequest> of(String text) throws RequestException {
    int[] tokens = encoder.encode(new Prompt.Text(text));
    List<ModelRequest> windows = new ArrayList<>();
    int scored = Math.max(1, prefix);
    int from = 0;
    while (scored < tokens.length) {
      int to = Math.min(tokens.length, from + size);
      windows.add(
          new ModelRequest(
              new Prompt.Tokens(Arrays.copyOfRange(tokens, from, to)),
              null,
              to - scored,
              SamplingSettings.builder().maxTokens(1).promptLogprobs(0).build()));
      scored = to;
      from = to - context;
    }
    return windows;
  }
}
