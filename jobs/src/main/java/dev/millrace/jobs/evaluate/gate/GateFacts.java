package dev.millrace.jobs.evaluate.gate;

import dev.millrace.jobs.evaluate.result.BaselineComparison;
import dev.millrace.jobs.evaluate.result.MetricValue;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/** The figures of one task that rules may name. */
public final class GateFacts {
  /** All names. */
  static final List<String> NAMES =
      List.copyOf(
          new TreeSet<>(
              List.of(
                  "score",
                  "score.low",
                  "score.high",
                  "baseline",
                  "change",
                  "change.low",
                  "change.high",
                  "p",
                  "adjusted_p",
                  "detectable_drop",
                  "paired_rows",
                  "unpaired_rows",
                  "rows",
                  "failures",
                  "failure_share",
                  "flaky")));

  private static final List<String> ABOUT_CHANGE =
      List.of("change", "change.low", "change.high", "p", "adjusted_p");

  private final Map<String, Double> values = new HashMap<>();
  private final MetricValue metric;
  private final BaselineComparison baseline;

  /**
   * Facts of a task.
   *
   * @param baseline the comparison, or null
   * @param flaky rows that changed without reason, or null if nothing was compared
   */
  public GateFacts(
      MetricValue metric,
      BaselineComparison baseline,
      long rows,
      double failureShare,
      long failures,
      Long flaky) {
    this.metric = metric;
    this.baseline = baseline;
    values.put("score", metric.score());
    if (metric.interval() != null) {
      values.put("score.low", metric.interval().low());
      values.put("score.high", metric.interval().high());
    }
    values.put("rows", (double) rows);
    values.put("failures", (double) failures);
    values.put("failure_share", failureShare);
    values.put("flaky", flaky == null ? null : (Double) (double) flaky);
    if (baseline != null) {
      values.put("baseline", baseline.score());
      values.put("change", baseline.change());
      values.put("change.low", baseline.changeInterval().low());
      values.put("change.high", baseline.changeInterval().high());
      values.put("p", baseline.pValue());
      values.put("adjusted_p", baseline.adjustedPValue());
      values.put("detectable_drop", baseline.detectableDrop());
      values.put("paired_rows", (double) baseline.pairedRows());
      values.put("unpaired_rows", (double) baseline.unpairedRows());
    }
  }

  /** The figure, or null if it is not known. */
  Double value(String name) {
    return values.get(name);
  }

  /** Whether the score lies in 0 to 1, so that it cannot fall further than to 0. */
  boolean isBounded() {
    return metric.higherIsBetter();
  }

  String sentence(boolean strikes, boolean unknown, Map<String, Double> seen) {
    StringBuilder figures = new StringBuilder();
    seen.forEach(
        (name, value) ->
            figures
                .append(figures.isEmpty() ? "" : ", ")
                .append(name)
                .append(' ')
                .append(value == null ? "not known" : number(value)));
    boolean aboutChange = seen.keySet().stream().anyMatch(ABOUT_CHANGE::contains);
    if (strikes && aboutChange && baseline != null) {
      return String.format(
          Locale.ROOT,
          "%s went from %s to %s: change %s (95 %% %s to %s), %s over %,d paired rows,"
              + " %,d better and %,d worse.",
          metric.name(),
          number(baseline.score()),
          number(metric.score()),
          signed(baseline.change()),
          signed(baseline.changeInterval().low()),
          signed(baseline.changeInterval().high()),
          chance(baseline.adjustedPValue()),
          baseline.pairedRows(),
          baseline.better(),
          baseline.worse());
    }
    if (!strikes && unknown && baseline == null && aboutChange) {
      return "Not judged: there is no accepted run to compare with (" + figures + ").";
    }
    return (strikes ? "" : "It did not strike: ") + figures + ".";
  }

  private static String number(Double value) {
    return value == null ? "none" : String.format(Locale.ROOT, "%.4g", value);
  }

  private static String chance(double p) {
    return p < 0.0001 ? "adjusted p < 0.0001" : String.format(Locale.ROOT, "adjusted p %.4f", p);
  }

  private static String signed(double value) {
    return String.format(Locale.ROOT, "%+.4f", value);
  }
}
