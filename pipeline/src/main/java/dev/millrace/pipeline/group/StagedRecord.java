package dev.millrace.pipeline.group;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A staged request as one byte array whose order, bytes compared as unsigned, is the order of token
 * sequences: tokens plus one (big-endian), a zero, 16 bytes of content hash, the row's position,
 * the most tokens of an answer, the answers, id, sampling settings, continuation, and last the
 * number of tokens. Equal requests are neighbours, the first row of them first.
 */
@SuppressWarnings("ArrayRecordComponent")
record StagedRecord(byte[] bytes) {
  static final int HASH_BYTES = 16;
  private static final int ABSENT = -1;

  static StagedRecord of(
      int[] tokens,
      byte[] hash,
      long position,
      int answerTokensMax,
      int answers,
      String id,
      String sampling,
      String continuation) {
    byte[] idBytes = id.getBytes(StandardCharsets.UTF_8);
    byte[] samplingBytes = utf8(sampling);
    byte[] continuationBytes = utf8(continuation);
    int size =
        (tokens.length + 1) * Integer.BYTES
            + HASH_BYTES
            + Long.BYTES
            + 3 * Integer.BYTES
            + 3 * Integer.BYTES
            + idBytes.length
            + length(samplingBytes)
            + length(continuationBytes);
    ByteBuffer record = ByteBuffer.allocate(size);
    for (int token : tokens) {
      record.putInt(token + 1);
    }
    record.putInt(0).put(hash, 0, HASH_BYTES).putLong(position);
    record.putInt(answerTokensMax).putInt(answers);
    put(record, idBytes);
    put(record, samplingBytes);
    put(record, continuationBytes);
    record.putInt(tokens.length);
    return new StagedRecord(record.array());
  }

  private static byte[] utf8(String text) {
    return text == null ? null : text.getBytes(StandardCharsets.UTF_8);
  }

  private static int length(byte[] bytes) {
    return bytes == null ? 0 : bytes.length;
  }

  private static void put(ByteBuffer record, byte[] bytes) {
    record.putInt(bytes == null ? ABSENT : bytes.length);
    if (bytes != null) {
      record.put(bytes);
    }
  }

  private ByteBuffer at(int offset) {
    return ByteBuffer.wrap(bytes).position(offset);
  }

  int tokenCount() {
    return at(bytes.length - Integer.BYTES).getInt();
  }

  private int hashOffset() {
    return (tokenCount() + 1) * Integer.BYTES;
  }

  int[] tokens() {
    int[] tokens = new int[tokenCount()];
    ByteBuffer buffer = at(0);
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = buffer.getInt() - 1;
    }
    return tokens;
  }

  byte[] hash() {
    return Arrays.copyOfRange(bytes, hashOffset(), hashOffset() + HASH_BYTES);
  }

  long position() {
    return at(hashOffset() + HASH_BYTES).getLong();
  }

  /** Most tokens of one answer. */
  int answerTokensMax() {
    return at(hashOffset() + HASH_BYTES + Long.BYTES).getInt();
  }

  /** Most tokens of all its answers. */
  long outputTokensMax() {
    int answers = at(hashOffset() + HASH_BYTES + Long.BYTES + Integer.BYTES).getInt();
    return (long) answerTokensMax() * answers;
  }

  private String text(int index) {
    ByteBuffer buffer = at(hashOffset() + HASH_BYTES + Long.BYTES + 2 * Integer.BYTES);
    for (int i = 0; i < index; i++) {
      int skipped = buffer.getInt();
      buffer.position(buffer.position() + Math.max(0, skipped));
    }
    int length = buffer.getInt();
    return length == ABSENT
        ? null
        : new String(bytes, buffer.position(), length, StandardCharsets.UTF_8);
  }

  String id() {
    return text(0);
  }

  String sampling() {
    return text(1);
  }

  String continuation() {
    return text(2);
  }

  /** Whether both ask for the same: equal hashes, which cover tokens, settings, continuation. */
  boolean sameRequest(StagedRecord other) {
    return Arrays.equals(
        bytes,
        hashOffset(),
        hashOffset() + HASH_BYTES,
        other.bytes,
        other.hashOffset(),
        other.hashOffset() + HASH_BYTES);
  }

  /** How many tokens both begin with. */
  int sharedTokens(StagedRecord other) {
    int mine = tokenCount() * Integer.BYTES;
    int theirs = other.tokenCount() * Integer.BYTES;
    int mismatch = Arrays.mismatch(bytes, 0, mine, other.bytes, 0, theirs);
    return (mismatch < 0 ? mine : mismatch) / Integer.BYTES;
  }
}
