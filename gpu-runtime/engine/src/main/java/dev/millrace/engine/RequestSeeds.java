package dev.millrace.engine;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * Seeds of choices. A request without a seed has the first eight bytes of the SHA-256 of its id in
 * UTF-8, big-endian, as its seed. Choice 0 draws from the request's seed, choice k from that seed
 * mixed with k; each reports its own, so that any choice alone can be had again with it.
 */
final class RequestSeeds {
  private RequestSeeds() {}

  static long ofId(String id) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(id.getBytes(StandardCharsets.UTF_8));
      return ByteBuffer.wrap(digest).getLong();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) over seed and index. */
  static long ofChoice(long requestSeed, int index) {
    if (index == 0) {
      return requestSeed;
    }
    long mixed = requestSeed + index * 0x9E3779B97F4A7C15L;
    mixed = (mixed ^ (mixed >>> 30)) * 0xBF58476D1CE4E5B9L;
    mixed = (mixed ^ (mixed >>> 27)) * 0x94D049BB133111EBL;
    return mixed ^ (mixed >>> 31);
  }
}
