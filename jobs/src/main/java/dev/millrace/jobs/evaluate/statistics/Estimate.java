package dev.millrace.jobs.evaluate.statistics;

import org.apache.commons.math3.distribution.TDistribution;

/**
 * A score with what is known about its error.
 *
 * @param score the point
 * @param standardError NaN with fewer than two clusters
 * @param low lower bound of the 95 % interval, NaN with the standard error
 * @param high upper bound
 */
public record Estimate(double score, double standardError, double low, double high) {
  /** Two-sided 95 % quantile of the standard normal distribution. */
  static final double Z95 = 1.959963984540054;

  /**
   * Estimates a score. Wilson's interval (Wilson 1927) for independent values of 0 and 1; else
   * Student's with the cluster-robust error: residuals are added up by cluster before they are
   * squared, so that rows of one cluster that move together do not pretend to be many (Miller 2024,
   * arXiv:2411.00640).
   *
   * @throws IllegalArgumentException if there are no rows
   */
  public static Estimate of(Observations rows) {
    if (rows.size() == 0) {
      throw new IllegalArgumentException("expected at least one row, found none");
    }
    double score = rows.score();
    double error = standardError(rows, score);
    if (Double.isNaN(error)) {
      return new Estimate(score, Double.NaN, Double.NaN, Double.NaN);
    }
    if (rows.isBinary() && !rows.isClustered()) {
      return wilson(score, rows.size(), error);
    }
    double reach = new TDistribution(rows.clusterCount() - 1.0).inverseCumulativeProbability(0.975);
    return new Estimate(score, error, score - reach * error, score + reach * error);
  }

  /** Cluster-robust standard error of a ratio of sums; NaN with fewer than two clusters. */
  static double standardError(Observations rows, double score) {
    int count = rows.clusterCount();
    if (count < 2) {
      return Double.NaN;
    }
    double[][] sums = rows.byCluster();
    double squares = 0;
    for (int i = 0; i < count; i++) {
      double residual = sums[0][i] - score * sums[1][i];
      squares += residual * residual;
    }
    return Math.sqrt(squares * count / (count - 1.0)) / Observations.sum(rows.weights());
  }

  private static Estimate wilson(double share, int rows, double error) {
    double z2 = Z95 * Z95;
    double middle = (share + z2 / (2 * rows)) / (1 + z2 / rows);
    double half =
        Z95 / (1 + z2 / rows) * Math.sqrt(share * (1 - share) / rows + z2 / (4.0 * rows * rows));
    return new Estimate(share, error, Math.max(0, middle - half), Math.min(1, middle + half));
  }
}
