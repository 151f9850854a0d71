package dev.millrace.jobs.evaluate.run;

import dev.millrace.jobs.evaluate.metric.Metric.Aggregation;
import dev.millrace.jobs.evaluate.metric.Metric.Figure;
import dev.millrace.jobs.evaluate.result.Interval;
import dev.millrace.jobs.evaluate.result.MetricValue;
import dev.millrace.jobs.evaluate.statistics.Estimate;
import dev.millrace.jobs.evaluate.statistics.Observations;
import java.util.ArrayList;
import java.util.List;

/** Values of one figure by row: repeats of a row are averaged before anything is estimated. */
final class FigureScores {
  private final Figure figure;
  private final List<String> rowIds = new ArrayList<>();
  private final List<String> clusters = new ArrayList<>();
  private final List<String> identities = new ArrayList<>();
  private final List<double[]> sums = new ArrayList<>(); // value, weight, samples

  FigureScores(Figure figure) {
    this.figure = figure;
  }

  Figure figure() {
    return figure;
  }

  /**
   * Adds a sample; those of one row come one after the other.
   *
   * @param identity prompt and target, so that only equal ones are paired
   */
  void add(String rowId, String cluster, String identity, double value, double weight) {
    int last = rowIds.size() - 1;
    if (last < 0 || !rowIds.get(last).equals(rowId)) {
      rowIds.add(rowId);
      clusters.add(cluster);
      identities.add(identity);
      sums.add(new double[3]);
      last++;
    }
    double[] sum = sums.get(last);
    sum[0] += value;
    sum[1] += weight;
    sum[2]++;
  }

  int size() {
    return rowIds.size();
  }

  String rowId(int row) {
    return rowIds.get(row);
  }

  String cluster(int row) {
    return clusters.get(row);
  }

  String identity(int row) {
    return identities.get(row);
  }

  double value(int row) {
    return sums.get(row)[0] / sums.get(row)[2];
  }

  double weight(int row) {
    return sums.get(row)[1] / sums.get(row)[2];
  }

  private Observations observations() {
    double[] values = new double[size()];
    double[] weights = new double[size()];
    for (int i = 0; i < size(); i++) {
      values[i] = value(i);
      weights[i] = weight(i);
    }
    int[] numbers = Observations.clusters(clusters.toArray(String[]::new));
    return new Observations(values, weights, numbers);
  }

  /** The score with its error, on the scale of the figure. */
  MetricValue estimate() {
    if (size() == 0) {
      return new MetricValue(figure.name(), figure.higherIsBetter(), null, null, null);
    }
    Estimate estimate = Estimate.of(observations());
    boolean known = !Double.isNaN(estimate.standardError());
    if (figure.aggregation() == Aggregation.PERPLEXITY) {
      double score = Math.exp(-estimate.score());
      return new MetricValue(
          figure.name(),
          figure.higherIsBetter(),
          score,
          known ? (Double) (score * estimate.standardError()) : null, // by the delta method
          known ? new Interval(Math.exp(-estimate.high()), Math.exp(-estimate.low())) : null);
    }
    return new MetricValue(
        figure.name(),
        figure.higherIsBetter(),
        estimate.score(),
        known ? (Double) estimate.standardError() : null,
        known ? new Interval(estimate.low(), estimate.high()) : null);
  }

  /** Turns values so that up is better: log-likelihoods are so already. */
  double direction() {
    return figure.higherIsBetter() || figure.aggregation() == Aggregation.PERPLEXITY ? 1 : -1;
  }
}
