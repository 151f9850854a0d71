package dev.millrace.jobs.evaluate.statistics;

import java.util.Arrays;

/**
 * Holm's correction for several tests at once (Holm 1979): the chance of any false alarm among them
 * stays at the level, whatever depends on what.
 */
public final class Holm {
  private Holm() {}

  /** Adjusted p-values in the order given. */
  public static double[] adjust(double... pValues) {
    Integer[] order = new Integer[pValues.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, (a, b) -> Double.compare(pValues[a], pValues[b]));
    double[] adjusted = new double[pValues.length];
    double least = 0;
    for (int i = 0; i < order.length; i++) {
      least = Math.max(least, Math.min(1, (pValues.length - i) * pValues[order[i]]));
      adjusted[order[i]] = least;
    }
    return adjusted;
  }
}
