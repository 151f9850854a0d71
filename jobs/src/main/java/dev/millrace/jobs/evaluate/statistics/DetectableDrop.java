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

  private static final double PRECISION = 1e-5;

  private DetectableDrop() {}

  /**
   * For McNemar's test: rows flip both ways by chance, and a drop flips further ones the bad way.
   * Exact power by summing over the number of flips. How often they flip by chance is taken from
   * what was seen, less what is more in one direction than chance would have it (a real change),
   * and two more, so that rows that were never seen to flip are not taken to be unable to.
   *
   * @param rows pairs
   * @param better pairs whose value rose
   * @param worse pairs whose value fell
   * @return the drop, or NaN if even the largest one is not found
   */
  static double ofFlips(long rows, long better, long worse) {
    double flips = better + worse;
    double even = Math.min(flips, 2 * Math.min(better, worse) + 2 * Math.sqrt(flips));
    double chance = Math.min(1, (even + 2) / (rows + 2.0));
    double most = 1 - chance;
    int[] betterMax = mostBetter(Math.toIntExact(rows));
    if (power(betterMax, chance, most) < POWER) {
      return Double.NaN;
    }
    double low = 0;
    double high = most;
    while (high - low > PRECISION) {
      double middle = (low + high) / 2;
      if (power(betterMax, chance, middle) < POWER) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return high;
  }

  /** Probability that the test rejects for the worse. */
  static double power(long rows, double chance, double drop) {
    return power(mostBetter(Math.toIntExact(rows)), chance, drop);
  }

  private static double power(int[] betterMax, double chance, double drop) {
    double flipRate = Math.min(1, chance + drop);
    if (flipRate <= 0) {
      return 0;
    }
    double worseShare = (chance / 2 + drop) / flipRate;
    int n = betterMax.length - 1;
    BinomialDistribution flips = new BinomialDistribution(null, n, flipRate);
    double spread = REACH * Math.sqrt(n * flipRate * (1 - flipRate)) + REACH;
    int from = (int) Math.max(1, Math.floor(n * flipRate - spread));
    int to = (int) Math.min(n, Math.ceil(n * flipRate + spread));
    double power = 0;
    for (int m = from; m <= to; m++) {
      if (betterMax[m] >= 0) {
        power +=
            flips.probability(m)
                * new BinomialDistribution(null, m, 1 - worseShare)
                    .cumulativeProbability(betterMax[m]);
      }
    }
    return power;
  }

  /**
   * Of each number of flips up to that of the rows, the most that may be for the better if the test
   * is to reject; -1 if it cannot. One flip more allows at most one more.
   */
  private static int[] mostBetter(int rows) {
    int[] most = new int[rows + 1];
    int allowed = -1;
    for (int flips = 0; flips <= rows; flips++) {
      if (McNemar.pValue(allowed + 1, flips - allowed - 1L) < McNemar.LEVEL) {
        allowed++;
      }
      most[flips] = allowed;
    }
    return most;
  }

  /**
   * For a test on a mean of differences: so many standard errors as the test asks for, and
   * Student's quantile of the power. The error is itself an estimate; one standard error of it is
   * added, so that the drop is not understated half of the time.
   *
   * @param error standard error of the change
   * @param critical standard errors at which the test rejects; NaN takes Student's quantile
   * @param clusters independent differences
   */
  static double ofError(double error, double critical, int clusters) {
    if (Double.isNaN(error) || clusters < 2) {
      return Double.NaN;
    }
    TDistribution student = new TDistribution(clusters - 1.0);
    double rejects =
        Double.isNaN(critical)
            ? student.inverseCumulativeProbability(1 - McNemar.LEVEL / 2)
            : critical;
    double caution = 1 + 1.5 / Math.sqrt(2 * (clusters - 1.0));
    return error * caution * (rejects + student.inverseCumulativeProbability(POWER));
  }
}
