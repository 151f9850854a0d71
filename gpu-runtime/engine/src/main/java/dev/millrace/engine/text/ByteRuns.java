package dev.millrace.engine.text;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * Decodes a whole sequence of a vocabulary with byte fallback: a run of byte tokens that is not
 * UTF-8 as a whole becomes one U+FFFD a byte.
 */
final class ByteRuns {
  private ByteRuns() {}

  static String decode(TokenDecoder decoder, int[] tokenIds, boolean skipSpecial) {
    StringBuilder text = new StringBuilder();
    byte[] run = new byte[tokenIds.length];
    int runLength = 0;
    boolean first = true;
    for (int id : tokenIds) {
      Tokenizer.checkNotNegative(id);
      if (skipSpecial && decoder.isSpecial(id) || !decoder.exists(id)) {
        continue;
      }
      if (decoder.isByteToken(id)) {
        run[runLength++] = decoder.bytes(id)[0];
      } else {
        appendRun(text, run, runLength);
        runLength = 0;
        byte[] bytes = first ? decoder.firstBytes(id) : decoder.bytes(id);
        text.append(new String(bytes, StandardCharsets.UTF_8));
      }
      first = false;
    }
    appendRun(text, run, runLength);
    boolean strip = decoder.rules().leadingSpace() == TokenDecoder.LeadingSpace.STRIP_ONE;
    return strip && text.indexOf(" ") == 0 ? text.substring(1) : text.toString();
  }

  private static void appendRun(StringBuilder text, byte[] run, int length) {
    try {
      text.append(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(run, 0, length)));
    } catch (CharacterCodingException notUtf8) {
      text.append("\uFFFD".repeat(length)); // what the library does; the bytes are lost either way
    }
  }
}
