package dev.millrace.jobs.bench;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Names all answers of a run: equal digests, equal tokens. */
final class TokenDigest {
  private static final int DIGITS = 16;

  private final MessageDigest digest;

  TokenDigest() {
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** Adds one answer. */
  void add(int[] tokenIds) {
    ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES * (tokenIds.length + 1));
    bytes.putInt(tokenIds.length);
    for (int tokenId : tokenIds) {
      bytes.putInt(tokenId);
    }
    digest.update(bytes.flip());
  }

  /** The beginning of it, in hexadecimal digits. */
  String text() {
    return HexFormat.of().formatHex(digest.digest()).substring(0, DIGITS);
  }
}
