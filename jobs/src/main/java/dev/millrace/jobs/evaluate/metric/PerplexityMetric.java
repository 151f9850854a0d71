package dev.millrace.jobs.evaluate.metric;

import java.util.List;
import java.util.Map;

/** Perplexity per word, byte or token: the exponential of the negative log-likelihood per unit. */
record PerplexityMetric(String name, String unit) implements Metric {
  @Override
  public List<Figure> figures() {
    return List.of(new Figure(name, false, Aggregation.PERPLEXITY));
  }

  @Override
  public Values judge(JudgedSample sample) {
    return new Values(Map.of(name, sample.logLikelihood()), Map.of(name, sample.units().get(unit)));
  }
}
