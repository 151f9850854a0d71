package dev.millrace.jobs.evaluate.statistics;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.apache.commons.math3.distribution.TDistribution;

/**
 * Studentised bootstrap of the paired change (Efron and Tibshirani 1993, chapter 12): draws
 * clusters with replacement, and compares how far the change is from 0, in its own standard errors,
 * with how far drawn changes are from it in theirs. Differences of one row are kept together, and
 * so are rows of one cluster.
 */
final class PairedBootstrap {
  private static final int DRAWS = 4000;
  private static final int CLUSTERS_MIN = 10;

  /** Work is bounded: more clusters need fewer draws, their distribution being smoother. */
  private static final long WORK_MAX = 40_000_000;

  private static final int DRAWS_MIN = 1000;

  private final SplittableRandom random;

  PairedBootstrap(long seed) {
    this.random = new SplittableRandom(seed);
  }

  Comparison compare(Observations before, Observations after, long better, long worse) {
    double[] differences = new double[before.size()];
    for (int i = 0; i < differences.length; i++) {
      differences[i] = after.values()[i] - before.values()[i];
    }
    Observations rows = new Observations(differences, before.weights(), before.clusters());
    double change = rows.score();
    double error = Estimate.standardError(rows, change);
    int clusters = rows.clusterCount();
    double likely = detectableError(rows, before, error);
    double drop = DetectableDrop.ofError(likely, Double.NaN, clusters);
    boolean bounded = isBounded(before) && isBounded(after);
    if (Double.isNaN(error) || error == 0) {
      return unchanging(change, error, bounded ? clusters : 0, drop, better, worse);
    }
    if (clusters < CLUSTERS_MIN) {
      return student(change, error, clusters, bounded, drop, better, worse);
    }
    double[] drawn = draw(rows, change);
    double statistic = change / error;
    long beyond = Arrays.stream(drawn).filter(t -> Math.abs(t) >= Math.abs(statistic)).count();
    double pValue = (beyond + 1.0) / (drawn.length + 1.0);
    double[] distances = Arrays.stream(drawn).map(Math::abs).sorted().toArray();
    drop = DetectableDrop.ofError(likely, quantile(distances, 0.95), clusters);
    Arrays.sort(drawn);
    double low = change - quantile(drawn, 0.975) * error;
    double high = change - quantile(drawn, 0.025) * error;
    return new Comparison(
        change,
        bounded(Math.min(low, change), bounded),
        bounded(Math.max(high, change), bounded),
        Comparison.Test.PAIRED_BOOTSTRAP,
        pValue,
        drop,
        better,
        worse);
  }

  /** Whether no change can be larger than 1. */
  private static boolean isBounded(Observations rows) {
    for (int i = 0; i < rows.size(); i++) {
      double value = rows.values()[i];
      if (value < 0 || value > rows.weights()[i]) {
        return false;
      }
    }
    return true;
  }

  private static double bounded(double value, boolean bounded) {
    return bounded ? Math.max(-1, Math.min(1, value)) : value;
  }

  /** A handful of clusters can be drawn in too few ways; Student's distribution allows for that. */
  private static Comparison student(
      double change,
      double error,
      int clusters,
      boolean bounded,
      double drop,
      long better,
      long worse) {
    TDistribution student = new TDistribution(clusters - 1.0);
    double reach = student.inverseCumulativeProbability(0.975) * error;
    return new Comparison(
        change,
        bounded(change - reach, bounded),
        bounded(change + reach, bounded),
        Comparison.Test.PAIRED_T,
        2 * student.cumulativeProbability(-Math.abs(change / error)),
        drop,
        better,
        worse);
  }

  /**
   * Where nothing changed at all, differences do not tell how much they could vary; those of two
   * unrelated runs would vary by twice the scores' own variance.
   */
  private static double detectableError(Observations rows, Observations before, double error) {
    boolean unchanged = Arrays.stream(rows.values()).allMatch(v -> v == 0);
    return unchanged ? Math.sqrt(2) * Estimate.standardError(before, before.score()) : error;
  }

  /**
   * All clusters changed by the same amount, or there is one alone: nothing to draw from. Values
   * that are bounded have the score interval of so many pairs of which none changed; one cluster
   * alone gives an interval that holds 0.
   */
  private static Comparison unchanging(
      double change, double error, int boundedClusters, double drop, long better, long worse) {
    boolean unknown = Double.isNaN(error) && change != 0;
    double reach = unknown ? Math.abs(change) : 0;
    if (change == 0 && boundedClusters > 0) {
      reach = McNemar.scoreInterval(boundedClusters, 0, 0)[1];
    }
    return new Comparison(
        change,
        change - reach,
        change + reach,
        Comparison.Test.PAIRED_BOOTSTRAP,
        change == 0 || unknown ? 1 : 0,
        drop,
        better,
        worse);
  }

  private double[] draw(Observations rows, double change) {
    double[][] sums = rows.byCluster();
    int count = sums[0].length;
    int draws = (int) Math.max(DRAWS_MIN, Math.min(DRAWS, WORK_MAX / count));
    double[] drawn = new double[draws];
    int[] picked = new int[count];
    for (int draw = 0; draw < draws; draw++) {
      double values = 0;
      double weights = 0;
      for (int i = 0; i < count; i++) {
        int cluster = random.nextInt(count);
        picked[i] = cluster;
        values += sums[0][cluster];
        weights += sums[1][cluster];
      }
      double score = values / weights;
      double squares = 0;
      for (int cluster : picked) {
        double residual = sums[0][cluster] - score * sums[1][cluster];
        squares += residual * residual;
      }
      double error = Math.sqrt(squares * count / (count - 1.0)) / weights;
      double distance = score - change;
      // a draw of equal clusters says nothing of its error: counted as far away, never as near
      drawn[draw] = error > 0 ? distance / error : Math.copySign(Double.MAX_VALUE, distance);
    }
    return drawn;
  }

  private static double quantile(double[] sorted, double share) {
    int index = (int) Math.min(sorted.length - 1, Math.floor(share * sorted.length));
    return Math.max(-1e6, Math.min(1e6, sorted[index]));
  }
}
