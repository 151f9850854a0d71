package dev.millrace.engine.text;

import dev.millrace.engine.text.bpe.ByteAlphabet;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;

/**
 * What each token contributes to the decoded text, in bytes, and how bytes that are no UTF-8 come
 * out. Immutable.
 */
final class TokenDecoder {
  /** What happens to the space that a sentencepiece vocabulary puts in front of a text. */
  enum LeadingSpace {
    KEEP,
    /** One space is cut off the whole text. */
    STRIP_ONE,
    /** The first token loses every word-start mark. */
    DROP_IN_FIRST_TOKEN
  }

  private static final byte[] NOTHING = {};

  /**
   * How a vocabulary is decoded.
   *
   * @param byteLevel whether tokens are written in the byte alphabet
   * @param wordStart what stands for a space in tokens, or null
   * @param byteFallback whether {@code <0x0A>} stands for a byte
   */
  record Rules(
      boolean byteLevel, String wordStart, boolean byteFallback, LeadingSpace leadingSpace) {}

  private final Rules rules;
  private final byte[][] bytes;
  private final TokenTable tokens;
  private final BitSet byteTokens = new BitSet();
  private final BitSet special;

  TokenDecoder(Rules rules, TokenTable tokens, BitSet special) {
    this.rules = rules;
    this.tokens = tokens;
    this.special = special;
    bytes = new byte[tokens.size()][];
    for (int id = 0; id < bytes.length; id++) {
      String token = tokens.token(id);
      bytes[id] = token == null ? NOTHING : bytesOf(id, token);
    }
  }

  private byte[] bytesOf(int id, String token) {
    if (rules.byteLevel()) {
      return ByteAlphabet.bytesOf(token);
    }
    int value = rules.byteFallback() ? fallbackByte(token) : -1;
    if (value >= 0) {
      byteTokens.set(id);
      return new byte[] {(byte) value};
    }
    String text = rules.wordStart() == null ? token : token.replace(rules.wordStart(), " ");
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static int fallbackByte(String token) {
    if (token.length() != 6 || !token.startsWith("<0x") || !token.endsWith(">")) {
      return -1;
    }
    int high = Character.digit(token.charAt(3), 16);
    int low = Character.digit(token.charAt(4), 16);
    return high < 0 || low < 0 ? -1 : 16 * high + low;
  }

  Rules rules() {
    return rules;
  }

  int size() {
    return bytes.length;
  }

  /** The token as the file writes it, or null. */
  String token(int id) {
    return tokens.token(id);
  }

  boolean isSpecial(int id) {
    return special.get(id);
  }

  /** Whether any token has the id. */
  boolean exists(int id) {
    return id < bytes.length && bytes[id] != NOTHING;
  }

  /** Whether the token stands for one byte of a character that has no token itself. */
  boolean isByteToken(int id) {
    return byteTokens.get(id);
  }

  /**
   * Not a copy. Empty for ids without a token: a model's table may be longer than its vocabulary.
   */
  byte[] bytes(int id) {
    return id < bytes.length ? bytes[id] : NOTHING;
  }

  /** The bytes of the first token of a text. */
  byte[] firstBytes(int id) {
    if (rules.leadingSpace() != LeadingSpace.DROP_IN_FIRST_TOKEN || isByteToken(id)) {
      return bytes(id);
    }
    String token = token(id);
    return token == null
        ? NOTHING
        : token.replace(rules.wordStart(), "").getBytes(StandardCharsets.UTF_8);
  }
}
