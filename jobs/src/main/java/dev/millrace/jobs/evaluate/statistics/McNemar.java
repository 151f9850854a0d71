package dev.millrace.jobs.evaluate.statistics;

import org.apache.commons.math3.special.Beta;

/**
 * McNemar's exact test (McNemar 1947): of the rows that changed, as many should have become better
 * as worse. Exact, so its size is at most its level for any number of rows.
 */
final class McNemar {
  static final double LEVEL = 0.05;

  private McNemar() {}

  static Comparison compare(long rows, long better, long worse) {
    double change = (better - worse) / (double) rows;
    double[] exact = conditionalInterval(rows, better, worse);
    double[] score = scoreInterval(rows, better, worse);
    return new Comparison(
        change,
        Math.max(-1, Math.min(exact[0], score[0])),
        Math.min(1, Math.max(exact[1], score[1])),
        Comparison.Test.MCNEMAR_EXACT,
        pValue(better, worse),
        DetectableDrop.ofFlips(rows, better, worse),
        better,
        worse);
  }

  /** Two-sided exact p-value. */
  static double pValue(long better, long worse) {
    int flips = Math.toIntExact(better + worse);
    if (flips == 0) {
      return 1;
    }
    int fewer = Math.toIntExact(Math.min(better, worse));
    // the distribution function as an incomplete beta function: exact far out in the tail, too
    return Math.min(1, 2 * Beta.regularizedBeta(0.5, flips - fewer, fewer + 1.0));
  }

  /**
   * Clopper and Pearson's interval for the share of changed rows that became better, scaled by how
   * many changed: leaves out 0 exactly when the test rejects. Takes the number of changed rows as
   * given, and so is too narrow where few changed; hence the hull with {@link #scoreInterval}.
   */
  static double[] conditionalInterval(long rows, long better, long worse) {
    long flips = better + worse;
    if (flips == 0) {
      return new double[] {0, 0};
    }
    double low = better == 0 ? 0 : betaQuantile(LEVEL / 2, (double) better, worse + 1.0);
    double high = worse == 0 ? 1 : betaQuantile(1 - LEVEL / 2, better + 1.0, (double) worse);
    double scale = flips / (double) rows;
    return new double[] {scale * (2 * low - 1), scale * (2 * high - 1)};
  }

  private static double betaQuantile(double probability, double alpha, double beta) {
    return bisect(0, 1, x -> Beta.regularizedBeta(x, alpha, beta) - probability);
  }

  /** Tango's score interval for a difference of paired shares (Tango 1998, Stat. Med. 17:891). */
  static double[] scoreInterval(long rows, long better, long worse) {
    double n = rows;
    double b = better;
    double w = worse;
    double low = bisect(-1, 1, d -> Estimate.Z95 - tango(n, b, w, d));
    double high = bisect(-1, 1, d -> -Estimate.Z95 - tango(n, b, w, d));
    return new double[] {low, high};
  }

  /** Score statistic of the hypothesis that the true difference is {@code d}; falls with d. */
  private static double tango(double n, double better, double worse, double d) {
    double b = -better - worse + (2 * n - better + worse) * d;
    double c = -worse * d * (1 - d);
    double worseShare = (Math.sqrt(Math.max(0, b * b - 8 * n * c)) - b) / (4 * n);
    double variance = n * (2 * worseShare + d * (1 - d));
    double distance = better - worse - n * d;
    if (variance <= 0) {
      return distance == 0 ? 0 : Math.signum(distance) * Double.MAX_VALUE;
    }
    return distance / Math.sqrt(variance);
  }

  /** The root of a function that does not fall. */
  private static double bisect(
      double from, double to, java.util.function.DoubleUnaryOperator function) {
    double low = from;
    double high = to;
    for (int i = 0; i < 100 && high - low > 1e-13; i++) {
      double middle = (low + high) / 2;
      if (function.applyAsDouble(middle) < 0) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return (low + high) / 2;
  }
}
