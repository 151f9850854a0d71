package dev.millrace.jobs.evaluate.run;

import dev.millrace.jobs.evaluate.metric.Metric.Aggregation;
import dev.millrace.jobs.evaluate.result.BaselineComparison;
import dev.millrace.jobs.evaluate.result.Interval;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.SampleReader;
import dev.millrace.jobs.evaluate.result.SampleResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.jobs.evaluate.statistics.Comparison;
import dev.millrace.jobs.evaluate.statistics.Observations;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** The accepted night, to be compared with row by row. */
final class BaselineScores {
  private final NightFolder folder;
  private final NightResult night;

  private BaselineScores(NightFolder folder, NightResult night) {
    this.folder = folder;
    this.night = night;
  }

  /** The accepted night, if there is one. */
  static Optional<BaselineScores> open(NightFolder folder) throws IOException {
    return folder.isFinished()
        ? Optional.of(new BaselineScores(folder, folder.read()))
        : Optional.empty();
  }

  String nightId() {
    return night.nightId();
  }

  /**
   * Compares a task; nothing if the accepted night has no such task on a model of that name, or
   * judged it by another metric, or not one row was asked the same.
   *
   * @param seed of the bootstrap
   */
  Optional<BaselineComparison> compare(ScoredTask task, long seed) throws IOException {
    FigureScores now = task.figures().get(0);
    for (TaskResult accepted : night.tasks()) {
      boolean same =
          accepted.model().equals(task.model())
              && accepted.suite().equals(task.suite())
              && accepted.task().equals(task.spec().name())
              && accepted.metric().name().equals(now.figure().name());
      if (same) {
        return paired(accepted, now, seed);
      }
    }
    return Optional.empty();
  }

  private Optional<BaselineComparison> paired(TaskResult accepted, FigureScores now, long seed)
      throws IOException {
    FigureScores before = read(accepted, now);
    Map<String, Integer> rows = new HashMap<>();
    for (int i = 0; i < before.size(); i++) {
      rows.put(before.rowId(i), i);
    }
    int[] mine = new int[now.size()];
    int[] theirs = new int[now.size()];
    int pairs = 0;
    for (int i = 0; i < now.size(); i++) {
      Integer other = rows.get(now.rowId(i));
      if (other != null && before.identity(other).equals(now.identity(i))) {
        mine[pairs] = i;
        theirs[pairs++] = other;
      }
    }
    if (pairs == 0) {
      return Optional.empty();
    }
    Comparison comparison =
        Comparison.of(
            observations(before, theirs, now, mine, pairs),
            observations(now, mine, now, mine, pairs),
            seed);
    return Optional.of(
        new BaselineComparison(
            night.nightId(),
            accepted.metric().score(),
            pairs,
            (long) before.size() + now.size() - 2L * pairs,
            comparison.change(),
            new Interval(comparison.low(), comparison.high()),
            comparison.test().word(),
            comparison.pValue(),
            comparison.pValue(),
            Double.isNaN(comparison.detectableDrop()) ? null : (Double) comparison.detectableDrop(),
            comparison.better(),
            comparison.worse()));
  }

  private FigureScores read(TaskResult accepted, FigureScores now) throws IOException {
    FigureScores before = new FigureScores(now.figure());
    String name = now.figure().name();
    try (SampleReader reader = folder.samples(accepted)) {
      SampleResult sample;
      while ((sample = reader.next()) != null) {
        Double value = sample.metrics().get(name);
        double weight = sample.weights().getOrDefault(name, 1.0);
        if (value != null && weight > 0) {
          before.add(sample.rowId(), sample.cluster(), SampleIdentity.of(sample), value, weight);
        }
      }
    }
    return before;
  }

  /**
   * Values of paired rows, up being better. Units and clusters are tonight's for both: a tokenizer
   * that cuts a text otherwise must not change what a token of it is worth.
   */
  private static Observations observations(
      FigureScores values, int[] rows, FigureScores units, int[] unitRows, int pairs) {
    double[] value = new double[pairs];
    double[] weight = new double[pairs];
    String[] cluster = new String[pairs];
    boolean plain = units.figure().aggregation() == Aggregation.MEAN;
    for (int i = 0; i < pairs; i++) {
      double own = plain ? values.weight(rows[i]) : 1;
      double scale = plain ? units.weight(unitRows[i]) / own : 1;
      value[i] = values.direction() * values.value(rows[i]) * scale;
      weight[i] = units.weight(unitRows[i]);
      cluster[i] = units.cluster(unitRows[i]);
    }
    return new Observations(value, weight, Observations.clusters(cluster));
  }
}
