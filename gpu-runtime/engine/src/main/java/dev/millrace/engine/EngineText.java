package dev.millrace.engine;

import dev.millrace.api.engine.PromptEncoder;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestException;

/** The text side of a model, as far as the engine needs it. Thread-safe. */
interface EngineText extends PromptEncoder {

  /**
   * Token ids of plain text as it stands: no template, nothing around it.
   *
   * @param parseSpecial whether special tokens spelled in the text become those tokens
   * @throws RequestException if the text is not valid
   */
  int[] encodePlain(String text, boolean parseSpecial) throws RequestException;

  /**
   * Token ids of what follows a prompt to be scored; may be empty.
   *
   * @throws RequestException if the text or an id is not valid
   */
  int[] encodeContinuation(Prompt continuation) throws RequestException;

  /** The text of a whole run of tokens; what is no valid character becomes U+FFFD. */
  String decode(int[] tokenIds, boolean skipSpecialTokens);

  /** A decoder for one run of tokens, to be fed one by one. */
  Decoder decoder(boolean skipSpecialTokens);

  /** Text that comes token by token; never splits a character. */
  interface Decoder {
    /** The text that is complete now and was not before; may be empty. */
    String append(int tokenId);

    /** Ends the run: what was held back. */
    String finish();
  }
}
