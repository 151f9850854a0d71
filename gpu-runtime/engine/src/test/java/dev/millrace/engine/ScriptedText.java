package dev.millrace.engine;

import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestException;
import dev.millrace.engine.schedule.ScriptedExecutor;

/**
 * A tokenizer without a file: token 0 is the special end token, token i the letter at i - 1. A
 * conversation is its contents, put together.
 */
final class ScriptedText implements EngineText {
  static final String LETTERS = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ.,!?";
  static final int VOCABULARY = LETTERS.length() + 1;
  static final String END_TEXT = "END";

  /** Ends the thread's stack, as a prompt and as an answer. */
  static final String OVERFLOW = "overflow";

  private final int contextTokensMax;

  ScriptedText(int contextTokensMax) {
    this.contextTokensMax = contextTokensMax;
  }

  static int token(char letter) {
    return LETTERS.indexOf(letter) + 1;
  }

  static int[] tokens(String text) {
    return text.chars().map(c -> token((char) c)).toArray();
  }

  @Override
  public int[] encode(Prompt prompt) throws RequestException {
    if (prompt instanceof Prompt.Tokens tokens) {
      return tokens.tokenIds();
    }
    if (prompt instanceof Prompt.Text text) {
      return encodePlain(text.text(), false);
    }
    StringBuilder text = new StringBuilder();
    ((Prompt.Chat) prompt).messages().forEach(message -> text.append(message.content()));
    return encodePlain(text.toString(), false);
  }

  @Override
  public int[] encodeContinuation(Prompt continuation) throws RequestException {
    return encode(continuation);
  }

  @Override
  public int[] encodePlain(String text, boolean parseSpecial) throws RequestException {
    if (text.equals("crash")) {
      throw new IllegalStateException("a fault of the tokenizer");
    }
    if (text.equals(OVERFLOW)) {
      throw new StackOverflowError();
    }
    if (text.chars().anyMatch(c -> LETTERS.indexOf(c) < 0)) {
      throw new RequestException(FailureReason.PROMPT_INVALID, "letters only, found " + text);
    }
    return tokens(parseSpecial ? text.replace(END_TEXT, "\0") : text); // no letter: token 0
  }

  @Override
  public int contextTokensMax() {
    return contextTokensMax;
  }

  @Override
  public String decode(int[] tokenIds, boolean skipSpecialTokens) {
    StringBuilder text = new StringBuilder();
    for (int tokenId : tokenIds) {
      if (tokenId != ScriptedExecutor.END) {
        text.append(LETTERS.charAt(tokenId - 1));
      } else if (!skipSpecialTokens) {
        text.append(END_TEXT);
      }
    }
    if (text.toString().equals(OVERFLOW)) {
      throw new StackOverflowError();
    }
    return text.toString();
  }

  /** Holds every letter back until the next one comes, as decoders do with halves of characters. */
  @Override
  public Decoder decoder(boolean skipSpecialTokens) {
    return new Decoder() {
      private String held = "";

      @Override
      public String append(int tokenId) {
        String ready = held;
        held = decode(new int[] {tokenId}, skipSpecialTokens);
        return ready;
      }

      @Override
      public String finish() {
        String ready = held;
        held = "";
        return ready;
      }
    };
  }
}
