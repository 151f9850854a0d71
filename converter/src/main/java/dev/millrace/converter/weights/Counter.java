package dev.millrace.converter.weights;

import java.nio.charset.StandardCharsets;

/**
 * Random bits by position: the n-th 64 bits of a stream are a function of the stream's key and n
 * alone, so that any thread can make any of them. The mixer is SplitMix64's, Steele, Lea and Flood
 * 2014, doi:10.1145/2660193.2660195.
 */
final class Counter {
  private static final long GAMMA = 0x9E3779B97F4A7C15L;

  private final long key;

  Counter(long seed, String stream) {
    long hash = mix(seed + GAMMA);
    for (byte letter : stream.getBytes(StandardCharsets.UTF_8)) {
      hash = mix((hash ^ letter) + GAMMA);
    }
    this.key = hash;
  }

  /** The bits at a position. */
  long bits(long position) {
    return mix(key + position * GAMMA);
  }

  private static long mix(long value) {
    long z = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
