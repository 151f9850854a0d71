package dev.millrace.engine.text;

/**
 * Turns the tokens of one sequence into text as they come. A code point is never split: bytes that
 * may still become one are held back. Cost per token depends on the token alone. Not thread-safe.
 *
 * <p>What {@link #append} and {@link #finish} returned, put together, is {@link Tokenizer#decode}
 * of the whole, with one exception that only vocabularies with byte fallback know: where a run of
 * byte tokens is not UTF-8, decoding the whole gives U+FFFD for each of its bytes, even for those
 * of complete characters in it, as the tokenizers library does; those characters were already
 * handed out here, and stay.
 */
public final class StreamingDecoder {
  private static final char REPLACEMENT = '\uFFFD';

  private final TokenDecoder decoder;
  private final boolean skipSpecial;
  private final StringBuilder text = new StringBuilder();

  private boolean anyToken;
  private boolean leadingSpaceOpen;

  // The character being put together, as in the UTF-8 decoder of the WHATWG encoding standard.
  private int codePoint;
  private int bytesSeen;
  private int bytesNeeded;
  private int lowest = 0x80;
  private int highest = 0xBF;
  private boolean pendingAreByteTokens;

  StreamingDecoder(TokenDecoder decoder, boolean skipSpecial) {
    this.decoder = decoder;
    this.skipSpecial = skipSpecial;
    leadingSpaceOpen = decoder.rules().leadingSpace() == TokenDecoder.LeadingSpace.STRIP_ONE;
  }

  /**
   * Adds a token.
   *
   * @return the text that is complete now and was not before; may be empty
   */
  public String append(int tokenId) {
    int start = text.length();
    accept(tokenId);
    return text.substring(start);
  }

  /** Ends the sequence: what is still held back becomes U+FFFD. Returns that rest. */
  public String finish() {
    int start = text.length();
    flush();
    return text.substring(start);
  }

  /** All text so far, without what is held back. */
  public String text() {
    return text.toString();
  }

  /** Length of {@link #text()} in UTF-16 units. */
  public int textLength() {
    return text.length();
  }

  void accept(int tokenId) {
    Tokenizer.checkNotNegative(tokenId);
    if (skipSpecial && decoder.isSpecial(tokenId) || !decoder.exists(tokenId)) {
      return;
    }
    boolean byteToken = decoder.isByteToken(tokenId);
    if (decoder.rules().byteFallback() && byteToken != pendingAreByteTokens) {
      flush();
      pendingAreByteTokens = byteToken;
    }
    byte[] bytes = anyToken ? decoder.bytes(tokenId) : decoder.firstBytes(tokenId);
    anyToken = true;
    for (byte b : bytes) {
      accept(b);
    }
  }

  private void accept(byte b) {
    int value = b & 0xFF;
    if (bytesNeeded == 0) {
      begin(value);
      return;
    }
    if (value < lowest || value > highest) {
      flush();
      begin(value);
      return;
    }
    lowest = 0x80;
    highest = 0xBF;
    codePoint = codePoint << 6 | value & 0x3F;
    if (++bytesSeen == bytesNeeded) {
      emit(codePoint);
      bytesNeeded = 0;
    }
  }

  private void begin(int value) {
    bytesSeen = 1;
    if (value < 0x80) {
      emit(value);
    } else if (value >= 0xC2 && value <= 0xDF) {
      bytesNeeded = 2;
      codePoint = value & 0x1F;
    } else if (value >= 0xE0 && value <= 0xEF) {
      bytesNeeded = 3;
      lowest = value == 0xE0 ? 0xA0 : 0x80;
      highest = value == 0xED ? 0x9F : 0xBF;
      codePoint = value & 0xF;
    } else if (value >= 0xF0 && value <= 0xF4) {
      bytesNeeded = 4;
      lowest = value == 0xF0 ? 0x90 : 0x80;
      highest = value == 0xF4 ? 0x8F : 0xBF;
      codePoint = value & 0x7;
    } else {
      emit(REPLACEMENT);
    }
  }

  /** Gives up an unfinished character: one U+FFFD, or one for each byte of byte tokens. */
  private void flush() {
    if (bytesNeeded == 0) {
      return;
    }
    int replacements = decoder.rules().byteFallback() && pendingAreByteTokens ? bytesSeen : 1;
    for (int i = 0; i < replacements; i++) {
      emit(REPLACEMENT);
    }
    bytesNeeded = 0;
    lowest = 0x80;
    highest = 0xBF;
  }

  private void emit(int c) {
    boolean drop = leadingSpaceOpen && c == ' ';
    leadingSpaceOpen = false;
    if (!drop) {
      text.appendCodePoint(c);
    }
  }
}
