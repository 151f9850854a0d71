package dev.millrace.jobs.evaluate.statistics;

import org.apache.commons.math3.distribution.BinomialDistribution;
import org.apache.commons.math3.distribution.TDistribution;

/**
 * The smallest true drop that a comparison finds with probability {@value #POWER} at level 0.05: a
 * gate that cannot see a drop should say so and not pass in silence.
 */
final class DetectableDrop {
  static final double POWER = 0.8;

  /** Standard deviations of the number of changed rows that are looked at. */
  private static final double REACH = 7;

  private DetectableDrop() {}

  /**
   * For McNemar's test: rows flip both ways by chance as often as they were seen to (two more, so
   * that rows that were never seen to flip are not taken to be unable to), and a drop flips further
   * ones the bad way. Exact power by summing over the number of flips.
   *
   * @param rows pairs
   * @param flips pairs that differ
   * @return the drop, or NaN if even the largest one is not found
   */
  static double ofFlips(long rows, long flips) {
    double chance = Math.min(1, (flips + 2.0) / (rows + 2.0));
    double most = 1 - chance;
    if (power(rows, chance, most) < POWER) {
      return Double.NaN;
    }
    double low = 0;
    double high = most;
    for (int i = 0; i < 40 && high - low > 1e-6; i++) {
      double middle = (low + high) / 2;
      if (power(rows, chance, middle) < POWER) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return high;
  }

  /** Probability that the test rejects for the worse. */
  static double power(long rows, double chance, double drop) {
    double flipRate = Math.min(1, chance + drop);
    if (flipRate <= 0) {
      return 0;
    }
    double worseShare = (chance / 2 + drop) / flipRate;
    int n = Math.toIntExact(rows);
    BinomialDistribution flips = new BinomialDistribution(null, n, flipRate);
    double spread = REACH * Math.sqrt(n * flipRate * (1 - flipRate)) + REACH;
    int from = (int) Math.max(1, Math.floor(n * flipRate - spread));
    int to = (int) Math.min(n, Math.ceil(n * flipRate + spread));
    double power = 0;
    for (int m = from; m <= to; m++) {
      int betterMax = mostBetter(m);
      if (betterMax >= 0) {
        power +=
            flips.probability(m)
                * new BinomialDistribution(null, m, 1 - worseShare)
                    .cumulativeProbability(betterMax);
      }
    }
    return power;
  }

  /** Of so many flips, the most that may be for the better if the test is to reject; -1 if none. */
  private static int mostBetter(int flips) {
    BinomialDistribution even = new BinomialDistribution(null, flips, 0.5);
    int most = even.inverseCumulativeProbability(McNemar.LEVEL / 2);
    while (most >= 0 && 2 * even.cumulativeProbability(most) >= McNemar.LEVEL) {
      most--;
    }
    return most;
  }

  /**
   * For a test on a mean of differences: the distance of two Student's quantiles.
   *
   * @param error standard error of the change
   * @param clusters independent differences
   */
  static double ofError(double error, int clusters) {
    if (Double.isNaN(error) || clusters < 2) {
      return Double.NaN;
    }
    TDistribution student = new TDistribution(clusters - 1.0);
    return error
        * (student.inverseCumulativeProbability(1 - McNemar.LEVEL / 2)
            + student.inverseCumulativeProbability(POWER));
  }
}
