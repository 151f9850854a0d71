package dev.millrace.engine.compute.kernel;

/**
 * Elementwise loops and sums of rows in plain Java, and the exponential function of both twins. It
 * takes x = n ln 2 + r with n whole and |r| at most ln 2 / 2, a polynomial for exp(r), and adds n
 * to the exponent: the error is below 2 units in the last place, and no table is read.
 */
final class PlainMath {
  static final float LOG2_E = 1.44269504f;

  /** ln 2 cut after 9 bits, so that its products with n are exact; and the rest of it. */
  static final float LN2_HIGH = 0.693359375f;

  static final float LN2_LOW = -2.12194440e-4f;

  /** 1.5 * 2^23: a small float added to it is rounded to a whole one, which its low bits hold. */
  static final float ROUNDER = 0x1.8p23f;

  /** Below this exp is less than 2^-126, the least normal number, and taken as 0. */
  static final float EXP_INPUT_MIN = -87.33654f;

  /** Above this exp would not fit the exponent. */
  static final float EXP_INPUT_MAX = 88;

  /**
   * Coefficients of (exp(r) - 1 - r) / r^2, from the constant on: fitted by weighted least squares
   * to the least greatest error relative to exp(r), 0.05 units in the last place.
   */
  static final float C2 = 0.49999994f;

  static final float C3 = 0.1666652f;
  static final float C4 = 0.041668408f;
  static final float C5 = 0.0083689f;
  static final float C6 = 0.0013814229f;

  private PlainMath() {}

  /**
   * exp(x) for x up to {@link #EXP_INPUT_MAX}. Products are rounded before they are added, for a
   * fused multiply-add is slow where the machine has none.
   */
  static float exp(float x) {
    if (x < EXP_INPUT_MIN) {
      return 0;
    }
    float shifted = x * LOG2_E + ROUNDER;
    float n = shifted - ROUNDER;
    float r = x - n * LN2_HIGH - n * LN2_LOW;
    float p = r * C6 + C5;
    p = p * r + C4;
    p = p * r + C3;
    p = p * r + C2;
    p = p * (r * r) + r + 1;
    return Float.intBitsToFloat(
        Float.floatToRawIntBits(p) + (Float.floatToRawIntBits(shifted) << 23));
  }

  static float sumOfSquares(float[] x, int start, int count) {
    // Four sums, since one would wait for each addition in turn.
    float sum0 = 0;
    float sum1 = 0;
    float sum2 = 0;
    float sum3 = 0;
    int i = start;
    int end = start + count;
    for (; i + 3 < end; i += 4) {
      sum0 += x[i] * x[i];
      sum1 += x[i + 1] * x[i + 1];
      sum2 += x[i + 2] * x[i + 2];
      sum3 += x[i + 3] * x[i + 3];
    }
    for (; i < end; i++) {
      sum0 += x[i] * x[i];
    }
    return sum0 + sum1 + (sum2 + sum3);
  }

  static void scale(
      float[] x, int xStart, float factor, float[] weight, float[] y, int yStart, int count) {
    for (int i = 0; i < count; i++) {
      y[yStart + i] = x[xStart + i] * factor * weight[i];
    }
  }

  static void add(float[] x, int xStart, float[] y, int yStart, int count) {
    for (int i = 0; i < count; i++) {
      x[xStart + i] += y[yStart + i];
    }
  }

  static float max(float[] x, int start, int count) {
    float max = x[start];
    for (int i = 1; i < count; i++) {
      max = Math.max(max, x[start + i]);
    }
    return max;
  }

  static float exponentials(float[] x, int start, int count, float max, float scale) {
    float sum = 0;
    for (int i = start; i < start + count; i++) {
      x[i] = exp((x[i] - max) * scale);
      sum += x[i];
    }
    return sum;
  }

  static void gate(float[] x, int gateStart, int upStart, float[] y, int yStart, int count) {
    for (int i = 0; i < count; i++) {
      float gate = x[gateStart + i];
      y[yStart + i] = gate / (exp(Math.min(-gate, EXP_INPUT_MAX)) + 1) * x[upStart + i];
    }
  }

  /**
   * @param first first pair to rotate
   */
  static void rotate(float[] x, int start, int pairs, int first, float[] table, int tableStart) {
    for (int i = first; i < pairs; i++) {
      float cos = table[tableStart + i];
      float sin = table[tableStart + pairs + i];
      float a = x[start + i];
      float b = x[start + pairs + i];
      x[start + i] = a * cos - b * sin;
      x[start + pairs + i] = b * cos + a * sin;
    }
  }
}
