package dev.millrace.jobs.evaluate.statistics;

import java.util.HashMap;
import java.util.Map;

/**
 * Values of rows, with weights and clusters. The score over them is {@code sum(values) /
 * sum(weights)}: a plain mean where every weight is 1, a rate per unit (a log-likelihood per word)
 * where values are sums over a row's units.
 *
 * @param values one a row
 * @param weights units of each row, positive
 * @param clusters number of each row's cluster from 0, without gaps; rows of one cluster share
 *     something (a passage) and are not independent
 */
@SuppressWarnings("ArrayRecordComponent")
public record Observations(double[] values, double[] weights, int[] clusters) {
  public Observations {
    if (values.length != weights.length || values.length != clusters.length) {
      throw new IllegalArgumentException(
          "expected a weight and a cluster for each value, found "
              + values.length
              + ", "
              + weights.length
              + ", "
              + clusters.length);
    }
  }

  /** Rows of weight 1, each a cluster of its own. */
  public static Observations of(double... values) {
    double[] weights = new double[values.length];
    int[] clusters = new int[values.length];
    for (int i = 0; i < values.length; i++) {
      weights[i] = 1;
      clusters[i] = i;
    }
    return new Observations(values, weights, clusters);
  }

  /** Numbers names of clusters; a null is a cluster of its own. */
  public static int[] clusters(String[] names) {
    Map<String, Integer> numbers = new HashMap<>();
    int[] clusters = new int[names.length];
    int next = 0;
    for (int i = 0; i < names.length; i++) {
      Integer known = names[i] == null ? null : numbers.get(names[i]);
      if (known == null) {
        known = next++;
        if (names[i] != null) {
          numbers.put(names[i], known);
        }
      }
      clusters[i] = known;
    }
    return clusters;
  }

  public int size() {
    return values.length;
  }

  public int clusterCount() {
    int most = -1;
    for (int cluster : clusters) {
      most = Math.max(most, cluster);
    }
    return most + 1;
  }

  /** Whether some rows share a cluster. */
  public boolean isClustered() {
    return clusterCount() < size();
  }

  /** Whether every value is 0 or 1, of weight 1. */
  public boolean isBinary() {
    for (int i = 0; i < values.length; i++) {
      if ((values[i] != 0 && values[i] != 1) || weights[i] != 1) {
        return false;
      }
    }
    return true;
  }

  public double score() {
    return sum(values) / sum(weights);
  }

  static double sum(double[] values) {
    double sum = 0;
    double lost = 0; // Kahan: sums of many small log-likelihoods keep their digits
    for (double value : values) {
      double y = value - lost;
      double t = sum + y;
      lost = (t - sum) - y;
      sum = t;
    }
    return sum;
  }

  /** Sums of values and of weights by cluster. */
  double[][] byCluster() {
    int count = clusterCount();
    double[][] sums = new double[2][count];
    for (int i = 0; i < values.length; i++) {
      sums[0][clusters[i]] += values[i];
      sums[1][clusters[i]] += weights[i];
    }
    return sums;
  }
}
