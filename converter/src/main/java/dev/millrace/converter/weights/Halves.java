package dev.millrace.converter.weights;

import dev.millrace.api.workspace.StorageType;

/** Sixteen-bit floating-point numbers to float32, exactly, and back, rounded to nearest even. */
final class Halves {
  private Halves() {}

  static float toFloat(StorageType type, int bits) {
    return type == StorageType.BF16 ? Float.intBitsToFloat(bits << 16) : halfToFloat(bits & 0xffff);
  }

  static int fromFloat(StorageType type, float value) {
    return type == StorageType.BF16 ? floatToBrain(value) : floatToHalf(value);
  }

  private static float halfToFloat(int bits) {
    int exponent = (bits >>> 10) & 0x1f;
    int fraction = bits & 0x3ff;
    float magnitude;
    if (exponent == 0) {
      magnitude = fraction * 0x1p-24f;
    } else if (exponent == 31) {
      magnitude = fraction == 0 ? Float.POSITIVE_INFINITY : Float.NaN;
    } else {
      magnitude = Float.intBitsToFloat(((exponent + 112) << 23) | (fraction << 13));
    }
    return (bits & 0x8000) == 0 ? magnitude : -magnitude;
  }

  private static int floatToBrain(float value) {
    int bits = Float.floatToIntBits(value);
    return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
  }

  private static int floatToHalf(float value) {
    int sign = (Float.floatToIntBits(value) >>> 16) & 0x8000;
    float magnitude = Math.abs(value);
    if (magnitude >= 65520f) {
      return sign | 0x7c00;
    }
    if (magnitude < 0x1p-14f) {
      return sign | (int) Math.rint(magnitude * 0x1p24);
    }
    int bits = Float.floatToIntBits(magnitude);
    int rounded = bits + 0xfff + ((bits >>> 13) & 1);
    return sign | ((rounded - (112 << 23)) >>> 13);
  }
}
