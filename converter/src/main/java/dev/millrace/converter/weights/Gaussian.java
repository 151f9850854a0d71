package dev.millrace.converter.weights;

import dev.millrace.api.workspace.StorageType;

/** Elements drawn from a normal distribution by twelve random bits: a table of its quantiles. */
final class Gaussian {
  private static final int BITS = 12;

  private final int[] table = new int[1 << BITS];

  /**
   * Makes the table.
   *
   * @param type of the elements
   */
  Gaussian(StorageType type, double mean, double deviation) {
    for (int i = 0; i < table.length; i++) {
      float value = (float) (mean + deviation * quantile((i + 0.5) / table.length));
      table[i] =
          type == StorageType.F32
              ? Float.floatToIntBits(value)
              : Halves.fromFloat(type, value) & 0xffff;
    }
  }

  /** The bits of the element that the lowest 16 random bits choose. */
  int element(long random) {
    return table[(int) (random & 0xffff) >>> (16 - BITS)];
  }

  /** Within 0.01 of the normal's up to 2.5 deviations: Tukey's lambda distribution at 0.135. */
  private static double quantile(double p) {
    return (StrictMath.pow(p, 0.135) - StrictMath.pow(1 - p, 0.135)) / 0.1975;
  }
}
