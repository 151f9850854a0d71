package dev.millrace.jobs.evaluate.metric;

import java.util.List;
import java.util.Map;

/** Judges samples by one or several figures. Thread-safe. */
public interface Metric {

  /** How the values of rows become a score. */
  enum Aggregation {
    /** Sum of values over sum of weights. */
    MEAN,
    /** Exponential of the negative of that, of log-likelihoods. */
    PERPLEXITY
  }

  /**
   * One figure.
   *
   * @param name as results have it
   * @param higherIsBetter false for perplexities
   * @param aggregation how rows are added up
   */
  record Figure(String name, boolean higherIsBetter, Aggregation aggregation) {
    static Figure mean(String name) {
      return new Figure(name, true, Aggregation.MEAN);
    }
  }

  /**
   * What a sample is worth.
   *
   * @param values by figure
   * @param weights by figure where it is not 1
   */
  record Values(Map<String, Double> values, Map<String, Double> weights) {
    public Values {
      values = Map.copyOf(values);
      weights = Map.copyOf(weights);
    }

    static Values of(String figure, double value) {
      return new Values(Map.of(figure, value), Map.of());
    }
  }

  /** Its figures, the most important one first. */
  List<Figure> figures();

  /**
   * Looks at a row before anything is asked about it.
   *
   * @throws IllegalArgumentException if its samples could not be judged
   */
  default void check(Map<String, Object> row) {}

  /** Weights by figure, where they are not 1, of a sample that failed: it counts as wrong. */
  default Map<String, Double> weights(Map<String, Object> row) {
    return Map.of();
  }

  /** Judges a sample that did not fail. */
  Values judge(JudgedSample sample);
}
