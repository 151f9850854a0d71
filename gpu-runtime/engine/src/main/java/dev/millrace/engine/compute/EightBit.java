package dev.millrace.engine.compute;

import dev.millrace.api.engine.KvCacheType;

/** Numbers of 8 bits that share a scale; {@link Backend#allocateKvCache} says how. */
final class EightBit {
  private static final float INT8_MAX = 127;
  private static final float FP8_MAX = 448;

  /** Below this 127 or 448 divided by it may overflow. */
  private static final float LEAST = 0x1p-100f;

  private static final int FP8_MAX_CODE = 0x7e;
  private static final float FP8_LEAST_NORMAL = 0x1p-6f;
  private static final float FP8_SUBNORMALS = 0x1p9f; // 1 / the least of them
  private static final int FP8_FRACTION_SHIFT = 23 - 3;
  private static final int FP8_EXPONENT_SHIFT = (127 - 7) << 3; // biases of float32 and e4m3

  private static final float[] FP8 = fp8Numbers();

  private EightBit() {}

  /** The e4m3 number of each code. */
  private static float[] fp8Numbers() {
    float[] numbers = new float[256];
    for (int code = 0; code < numbers.length; code++) {
      // exponent and fraction to their place in float32; the product makes up for the biases
      int bits = (code & 0x80) << 24 | (code & 0x7f) << FP8_FRACTION_SHIFT;
      numbers[code] = Float.intBitsToFloat(bits) * 0x1p120f;
    }
    return numbers;
  }

  /**
   * Stores some numbers.
   *
   * @param step places from one of them to the next in {@code to}
   * @return their scale
   */
  static float narrow(
      KvCacheType type, float[] from, int start, int count, byte[] to, int toStart, int step) {
    float most = 0;
    for (int i = start; i < start + count; i++) {
      most = Math.max(most, Math.abs(from[i])); // NaN stays
    }
    boolean integers = type == KvCacheType.INT8;
    float top = integers ? INT8_MAX : FP8_MAX;
    float factor = most >= LEAST ? top / most : 0;
    for (int i = 0; i < count; i++) {
      float x = from[start + i] * factor;
      to[toStart + i * step] = integers ? (byte) Math.rint(x) : fp8(x);
    }
    return most / top;
  }

  /** The e4m3 number nearest to x. */
  private static byte fp8(float x) {
    int bits = Float.floatToRawIntBits(x);
    int magnitude = bits & 0x7fffffff;
    float positive = Float.intBitsToFloat(magnitude);
    int code;
    if (positive < FP8_LEAST_NORMAL) {
      code = (int) Math.rint(positive * FP8_SUBNORMALS);
    } else {
      int odd = magnitude >> FP8_FRACTION_SHIFT & 1;
      int half = (1 << (FP8_FRACTION_SHIFT - 1)) - 1 + odd;
      code = Math.min(FP8_MAX_CODE, (magnitude + half >> FP8_FRACTION_SHIFT) - FP8_EXPONENT_SHIFT);
    }
    return (byte) (bits >>> 24 & 0x80 | code);
  }

  /** Stored numbers, exactly, their scale left out. */
  static void widen(KvCacheType type, byte[] from, int start, int count, float[] to) {
    if (type == KvCacheType.INT8) {
      for (int i = 0; i < count; i++) {
        to[i] = from[start + i];
      }
      return;
    }
    for (int i = 0; i < count; i++) {
      to[i] = FP8[from[start + i] & 0xff];
    }
  }
}
