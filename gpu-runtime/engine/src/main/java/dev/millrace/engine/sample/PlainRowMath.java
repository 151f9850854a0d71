package dev.millrace.engine.sample;

/** {@link RowMath} in plain Java: the readable twin of {@link VectorRowMath}. */
final class PlainRowMath implements RowMath {
  static final float LOG2_E = 1.44269504f;

  // ln 2 in two parts; the first has 9 bits, so that its product with an exponent is exact
  static final float LN2_HIGH = 0.693359375f;
  static final float LN2_LOW = -2.12194440e-4f;

  /** Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the low bits. */
  static final float ROUNDER = 12582912f;

  static final float EXPONENT_MIN = -126f;

  private final float[] lanes = new float[LANES];

  @Override
  public float maxima(float[] row, int offset, int elements, float[] maxima) {
    float max = Float.NEGATIVE_INFINITY;
    for (int block = 0, start = 0; start < elements; block++, start += BLOCK) {
      int end = offset + Math.min(elements, start + BLOCK);
      float blockMax = Float.NEGATIVE_INFINITY;
      for (int i = offset + start; i < end; i++) {
        blockMax = Math.max(blockMax, row[i]);
      }
      maxima[block] = blockMax;
      max = Math.max(max, blockMax);
    }
    return max;
  }

  @Override
  public double weights(
      float[] row, int offset, int elements, float max, float scale, double[] sums) {
    double total = 0;
    for (int block = 0, start = 0; start < elements; block++, start += BLOCK) {
      sums[block] =
          blockWeight(row, offset + start, Math.min(BLOCK, elements - start), max, scale, lanes);
      total += sums[block];
    }
    return total;
  }

  static double blockWeight(
      float[] row, int offset, int elements, float max, float scale, float[] lanes) {
    java.util.Arrays.fill(lanes, 0);
    for (int i = 0; i < elements; i++) {
      lanes[i % LANES] += exp((row[offset + i] - max) * scale);
    }
    return sumOf(lanes);
  }

  /** The sixteen values in a fixed tree, in double. */
  static double sumOf(float[] lanes) {
    double sum0 = ((double) lanes[0] + lanes[1]) + ((double) lanes[2] + lanes[3]);
    double sum1 = ((double) lanes[4] + lanes[5]) + ((double) lanes[6] + lanes[7]);
    double sum2 = ((double) lanes[8] + lanes[9]) + ((double) lanes[10] + lanes[11]);
    double sum3 = ((double) lanes[12] + lanes[13]) + ((double) lanes[14] + lanes[15]);
    return (sum0 + sum1) + (sum2 + sum3);
  }

  /**
   * e to the power of x for x up to 0: 2^n times the Taylor polynomial of degree 7 at x - n ln 2,
   * which is at most ln 2 / 2 in size (remainder 5e-9).
   */
  static float exp(float x) {
    float shifted = x * LOG2_E + ROUNDER;
    float power = shifted - ROUNDER;
    if (x * LOG2_E < EXPONENT_MIN) {
      return 0;
    }
    float r = (x - power * LN2_HIGH) - power * LN2_LOW;
    float p = 1f / 5040;
    p = p * r + 1f / 720;
    p = p * r + 1f / 120;
    p = p * r + 1f / 24;
    p = p * r + 1f / 6;
    p = p * r + 0.5f;
    p = p * r + 1f;
    p = p * r + 1f;
    return p * Float.intBitsToFloat((Float.floatToRawIntBits(shifted) + 127) << 23);
  }
}
