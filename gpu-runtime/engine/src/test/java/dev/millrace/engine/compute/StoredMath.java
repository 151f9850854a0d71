package dev.millrace.engine.compute;

import dev.millrace.api.engine.KvCacheType;
import java.util.Arrays;

/**
 * What a cache holds of rows of queries, keys and values, by the definition of {@link
 * Backend#allocateKvCache}: the nearest of all numbers there are, found by looking at each.
 */
final class StoredMath {
  private StoredMath() {}

  /** The rows with keys and values as the cache gives them back. */
  static double[][] stored(double[][] rows, HeadLayout heads, KvCacheType type) {
    double[][] result = new double[rows.length][];
    for (int row = 0; row < rows.length; row++) {
      result[row] = rows[row].clone();
      for (int head = 0; head < heads.kvHeads() && type.isEightBit(); head++) {
        store(result[row], heads.keyStart(head), heads.headSize(), type);
        store(result[row], heads.valueStart(head), heads.headSize(), type);
      }
    }
    return result;
  }

  private static void store(double[] row, int start, int count, KvCacheType type) {
    double[] numbers = numbers(type);
    float top = (float) numbers[numbers.length - 1];
    float most = 0;
    for (int i = start; i < start + count; i++) {
      most = Math.max(most, (float) Math.abs(row[i]));
    }
    float factor = top / most;
    float scale = most / top;
    for (int i = start; i < start + count; i++) {
      float x = (float) row[i] * factor;
      row[i] = Math.copySign(nearest(numbers, Math.abs(x)), x) * scale;
    }
  }

  /** The nearest of ascending numbers; of two the one at an even place. */
  private static double nearest(double[] numbers, double x) {
    int best = 0;
    for (int i = 1; i < numbers.length; i++) {
      double gain = Math.abs(numbers[best] - x) - Math.abs(numbers[i] - x);
      best = gain > 0 || (gain == 0 && i % 2 == 0) ? i : best;
    }
    return numbers[best];
  }

  /** All numbers from 0 up; one at an even place has an even last bit. */
  static double[] numbers(KvCacheType type) {
    double[] numbers = new double[127];
    if (type == KvCacheType.INT8) {
      numbers = new double[128];
      Arrays.setAll(numbers, i -> i);
      return numbers;
    }
    Arrays.setAll(
        numbers,
        code -> {
          int exponent = code >> 3;
          double fraction = (code & 7) / 8.0;
          return exponent == 0 ? Math.scalb(fraction, -6) : Math.scalb(1 + fraction, exponent - 7);
        });
    return numbers;
  }
}
