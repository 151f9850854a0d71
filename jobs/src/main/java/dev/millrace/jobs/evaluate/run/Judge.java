package dev.millrace.jobs.evaluate.run;

import dev.millrace.jobs.evaluate.gate.GateFacts;
import dev.millrace.jobs.evaluate.gate.GateRule;
import dev.millrace.jobs.evaluate.prompt.Seeds;
import dev.millrace.jobs.evaluate.result.BaselineComparison;
import dev.millrace.jobs.evaluate.result.GateOutcome;
import dev.millrace.jobs.evaluate.result.MetricValue;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.jobs.evaluate.result.Verdict;
import dev.millrace.jobs.evaluate.spec.PlacedText;
import dev.millrace.jobs.evaluate.spec.TaskSpec;
import dev.millrace.jobs.evaluate.statistics.Holm;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Compares all tasks of a night with the accepted one and applies their gates. */
final class Judge {
  private final Optional<BaselineScores> baseline;
  private final long seed;

  Judge(Optional<BaselineScores> baseline, long seed) {
    this.baseline = baseline;
    this.seed = seed;
  }

  List<TaskResult> judge(List<ScoredTask> tasks) throws IOException {
    List<BaselineComparison> comparisons = new ArrayList<>();
    for (ScoredTask task : tasks) {
      long drawn = Seeds.of(seed, "bootstrap", task.model(), task.suite(), task.spec().name());
      comparisons.add(baseline.isEmpty() ? null : baseline.get().compare(task, drawn).orElse(null));
    }
    adjust(comparisons);
    List<TaskResult> results = new ArrayList<>();
    for (int i = 0; i < tasks.size(); i++) {
      results.add(result(tasks.get(i), comparisons.get(i)));
    }
    return results;
  }

  private static void adjust(List<BaselineComparison> comparisons) {
    double[] pValues =
        comparisons.stream().filter(c -> c != null).mapToDouble(c -> c.pValue()).toArray();
    double[] adjusted = Holm.adjust(pValues);
    int next = 0;
    for (int i = 0; i < comparisons.size(); i++) {
      if (comparisons.get(i) != null) {
        comparisons.set(i, comparisons.get(i).withAdjustedPValue(adjusted[next++]));
      }
    }
  }

  private static TaskResult result(ScoredTask task, BaselineComparison comparison) {
    TaskSpec spec = task.spec();
    List<MetricValue> values = task.figures().stream().map(FigureScores::estimate).toList();
    MetricValue metric = values.get(0);
    return new TaskResult(
        task.suite(),
        spec.name(),
        task.model(),
        spec.tags(),
        spec.request().word(),
        metric,
        values.subList(1, values.size()),
        task.rows(),
        spec.repeats(),
        task.failures(),
        task.flakyRows(),
        spec.fewShot() == null ? 0 : spec.fewShot().k(),
        task.promptTokens(),
        task.outputTokens(),
        String.join(", ", spec.data().shown()),
        task.dataFingerprint(),
        spec.provenance(),
        spec.license(),
        task.samplesFile(),
        comparison,
        gate(task, metric, comparison));
  }

  private static GateOutcome gate(
      ScoredTask task, MetricValue metric, BaselineComparison comparison) {
    double share = task.samples() == 0 ? 0 : (double) task.failures() / task.samples();
    GateFacts facts =
        new GateFacts(metric, comparison, task.rows(), share, task.failures(), task.flakyRows());
    List<GateOutcome.Rule> rules = new ArrayList<>();
    for (PlacedText rule : task.spec().gate()) {
      rules.add(GateRule.compile(rule).judge(facts));
    }
    if (share > task.spec().allowedFailures()) {
      rules.add(
          new GateOutcome.Rule(
              String.format(
                  Locale.ROOT, "fail if failure_share > %s", task.spec().allowedFailures()),
              Verdict.FAIL,
              String.format(
                  Locale.ROOT,
                  "%,d of %,d samples have no answer; allowed_failures is %s.",
                  task.failures(),
                  task.samples(),
                  task.spec().allowedFailures())));
    }
    Verdict verdict = Verdict.PASS;
    for (GateOutcome.Rule rule : rules) {
      verdict = verdict.worse(rule.verdict());
    }
    return new GateOutcome(verdict, rules);
  }
}
