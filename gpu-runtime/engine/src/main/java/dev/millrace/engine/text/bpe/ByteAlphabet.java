package dev.millrace.engine.text.bpe;

import java.nio.charset.StandardCharsets;

/**
 * The printable characters that byte-level vocabularies write bytes with (GPT-2): printable Latin-1
 * stands for itself, the other 68 bytes, in order, are U+0100 and on.
 */
public final class ByteAlphabet {
  private static final int BYTES = 256;
  private static final char[] CHARACTERS = new char[BYTES];
  private static final short[] BYTE_OF = new short[0x100 + BYTES];

  static {
    java.util.Arrays.fill(BYTE_OF, (short) -1);
    char unprintable = 0x100;
    for (int b = 0; b < BYTES; b++) {
      boolean printable = b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE;
      CHARACTERS[b] = printable ? (char) b : unprintable++;
      BYTE_OF[CHARACTERS[b]] = (short) b;
    }
  }

  private ByteAlphabet() {}

  /** The character that stands for a byte (0 to 255). */
  static char character(int b) {
    return CHARACTERS[b];
  }

  /**
   * The bytes a token stands for; a token with any character outside the alphabet (an added one)
   * stands for its own UTF-8.
   */
  public static byte[] bytesOf(String token) {
    byte[] bytes = new byte[token.length()];
    for (int i = 0; i < bytes.length; i++) {
      char c = token.charAt(i);
      if (c >= BYTE_OF.length || BYTE_OF[c] < 0) {
        return token.getBytes(StandardCharsets.UTF_8);
      }
      bytes[i] = (byte) BYTE_OF[c];
    }
    return bytes;
  }
}
