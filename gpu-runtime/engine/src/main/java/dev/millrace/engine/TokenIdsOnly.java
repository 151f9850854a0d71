package dev.millrace.engine;

import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestException;

/** {@link EngineText} of a model without a tokenizer: token ids go in and come out, no text. */
final class TokenIdsOnly implements EngineText {
  private final int contextTokensMax;

  TokenIdsOnly(int contextTokensMax) {
    this.contextTokensMax = contextTokensMax;
  }

  @Override
  public int[] encode(Prompt prompt) throws RequestException {
    if (prompt instanceof Prompt.Tokens tokens) {
      return tokens.tokenIds();
    }
    throw noText();
  }

  @Override
  public int[] encodeContinuation(Prompt continuation) throws RequestException {
    return encode(continuation);
  }

  @Override
  public int[] encodePlain(String text, boolean parseSpecial) throws RequestException {
    throw noText();
  }

  private static RequestException noText() {
    return new RequestException(
        FailureReason.PROMPT_INVALID,
        "token ids, since the workspace has no tokenizer, found text; convert the model with its tokenizer");
  }

  @Override
  public int contextTokensMax() {
    return contextTokensMax;
  }

  /** No text. */
  @Override
  public String decode(int[] tokenIds, boolean skipSpecialTokens) {
    return "";
  }

  @Override
  public Decoder decoder(boolean skipSpecialTokens) {
    return new Decoder() {
      @Override
      public String append(int tokenId) {
        return "";
      }

      @Override
      public String finish() {
        return "";
      }
    };
  }
}
