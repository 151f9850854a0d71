package dev.millrace.engine.sample;

/**
 * The counter-based random numbers behind every draw: Philox4x32 with ten rounds (Salmon et al.,
 * "Parallel random numbers: as easy as 1, 2, 3", SC 2011). A number is a pure function of seed and
 * draw index, so that no draw depends on batch, slot, step or rank.
 */
public final class Philox {
  private static final int MULTIPLIER_0 = 0xD2511F53;
  private static final int MULTIPLIER_1 = 0xCD9E8D57;
  private static final int WEYL_0 = 0x9E3779B9;
  private static final int WEYL_1 = 0xBB67AE85;
  private static final int ROUNDS = 10;

  private Philox() {}

  /** A number in [0, 1) with 53 random bits. */
  public static double uniform(long seed, int drawIndex) {
    return ((firstWords(drawIndex, 0, 0, 0, (int) seed, (int) (seed >>> 32)) >>> 11)) * 0x1p-53;
  }

  /** The first two of the four 32-bit words, the first one in the high half. */
  static long firstWords(int c0, int c1, int c2, int c3, int key0, int key1) {
    int x0 = c0;
    int x1 = c1;
    int x2 = c2;
    int x3 = c3;
    int k0 = key0;
    int k1 = key1;
    for (int round = 0; round < ROUNDS; round++) {
      long product0 = Integer.toUnsignedLong(MULTIPLIER_0) * Integer.toUnsignedLong(x0);
      long product1 = Integer.toUnsignedLong(MULTIPLIER_1) * Integer.toUnsignedLong(x2);
      x0 = (int) (product1 >>> 32) ^ x1 ^ k0;
      x1 = (int) product1;
      x2 = (int) (product0 >>> 32) ^ x3 ^ k1;
      x3 = (int) product0;
      k0 += WEYL_0;
      k1 += WEYL_1;
    }
    return (long) x0 << 32 | Integer.toUnsignedLong(x1);
  }
}
