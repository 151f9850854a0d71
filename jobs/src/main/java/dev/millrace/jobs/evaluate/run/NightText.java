package dev.millrace.jobs.evaluate.run;

import dev.millrace.jobs.evaluate.result.BaselineComparison;
import dev.millrace.jobs.evaluate.result.EngineTotals;
import dev.millrace.jobs.evaluate.result.GateOutcome;
import dev.millrace.jobs.evaluate.result.JobTotals;
import dev.millrace.jobs.evaluate.result.MetricValue;
import dev.millrace.jobs.evaluate.result.ModelRun;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.RankMemory;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.jobs.evaluate.result.Verdict;
import dev.millrace.jobs.inert.InertText;
import dev.millrace.jobs.progress.Amounts;
import java.util.Locale;

/** A night for the terminal: the verdict first, then a line a task, then what it took. */
public final class NightText {
  private final NightResult night;

  public NightText(NightResult night) {
    this.night = night;
  }

  /** Several lines, ending in a line break; nothing in it that a terminal obeys. */
  public String text() {
    StringBuilder text = new StringBuilder();
    text.append(night.summary()).append('\n').append('\n');
    for (ModelRun model : night.models()) {
      tasks(text, model.name());
    }
    for (TaskResult task : night.tasks()) {
      if (task.gate().verdict() != Verdict.PASS) {
        reasons(text, task);
      }
    }
    for (ModelRun model : night.models()) {
      model(text, model);
    }
    text.append(
        night.baselineNightId() == null
            ? "  baseline    none; 'millrace baseline accept' makes this night the one to compare"
                + " with\n"
            : "  baseline    " + night.baselineNightId() + "\n");
    return InertText.block(text.toString());
  }

  private void tasks(StringBuilder text, String model) {
    text.append("  ").append(model).append('\n');
    line(text, "", "task", "metric", "rows", "score (95 %)", "change (95 %)");
    for (TaskResult task : night.tasks()) {
      if (task.model().equals(model)) {
        line(
            text,
            word(task.gate().verdict()),
            task.suite() + "/" + task.task(),
            task.metric().name(),
            Amounts.count(task.rows()),
            score(task.metric()),
            change(task.baseline()));
      }
    }
    text.append('\n');
  }

  private static void line(StringBuilder text, String... cells) {
    String row =
        String.format(Locale.ROOT, "  %-4s %-28s %-22s %6s  %-26s %-30s", (Object[]) cells);
    text.append(row.stripTrailing()).append('\n');
  }

  private static String word(Verdict verdict) {
    return switch (verdict) {
      case PASS -> "ok";
      case WARN -> "WARN";
      case FAIL -> "FAIL";
    };
  }

  private static String score(MetricValue metric) {
    if (metric.score() == null) {
      return "none";
    }
    return metric.interval() == null
        ? number(metric.score())
        : number(metric.score())
            + " ("
            + number(metric.interval().low())
            + " to "
            + number(metric.interval().high())
            + ")";
  }

  private static String change(BaselineComparison baseline) {
    if (baseline == null) {
      return "-";
    }
    return String.format(
        Locale.ROOT,
        "%+.3f (%+.3f to %+.3f)",
        baseline.change() + 0.0,
        baseline.changeInterval().low() + 0.0,
        baseline.changeInterval().high() + 0.0);
  }

  private static String number(double value) {
    return Math.abs(value) < 100
        ? String.format(Locale.ROOT, "%.3f", value)
        : String.format(Locale.ROOT, "%.4g", value);
  }

  private static void reasons(StringBuilder text, TaskResult task) {
    text.append("  ")
        .append(word(task.gate().verdict()))
        .append(' ')
        .append(task.suite())
        .append('/')
        .append(task.task())
        .append(" on ")
        .append(task.model())
        .append('\n');
    for (GateOutcome.Rule rule : task.gate().rules()) {
      if (rule.verdict() != Verdict.PASS) {
        text.append("       ")
            .append(rule.rule())
            .append(": ")
            .append(rule.sentence())
            .append('\n');
      }
    }
    text.append('\n');
  }

  private static void model(StringBuilder text, ModelRun model) {
    JobTotals job = model.job();
    row(
        text,
        model.name(),
        Amounts.count(job.requests())
            + " requests = "
            + Amounts.count(job.computedRequests())
            + " computed + "
            + Amounts.count(job.reusedRequests())
            + " known + "
            + Amounts.count(job.duplicateRequests())
            + " duplicates");
    row(
        text,
        "",
        Amounts.count(job.promptTokens())
            + " tokens in ("
            + Amounts.count(job.cachedTokens())
            + " cached), "
            + Amounts.count(job.outputTokens())
            + " out; "
            + Amounts.rate(job.computedTokensPerSecond())
            + " tokens/s through the model");
    row(
        text,
        "",
        Amounts.text(job.totalSeconds())
            + " = generate "
            + Amounts.text(job.generateSeconds())
            + ", score "
            + Amounts.text(job.scoreSeconds())
            + ", rest "
            + Amounts.text(
                Math.max(0, job.totalSeconds() - job.generateSeconds() - job.scoreSeconds()))
            + (job.cost() == null
                ? ""
                : String.format(Locale.ROOT, "; cost %.4f %s", job.cost(), job.currency())));
    EngineTotals engine = model.engine();
    if (engine != null) {
      long bytes = engine.memoryPerRank().stream().mapToLong(RankMemory::usedBytes).sum();
      row(
          text,
          "",
          engine.backend()
              + ", "
              + engine.ranks()
              + (engine.ranks() == 1 ? " rank of " : " ranks of ")
              + Amounts.bytes(bytes)
              + String.format(Locale.ROOT, ", idle %.1f s", engine.idleSeconds()));
    }
  }

  private static void row(StringBuilder text, String label, String line) {
    text.append(String.format(Locale.ROOT, "  %-12s%s%n", label, line));
  }
}
