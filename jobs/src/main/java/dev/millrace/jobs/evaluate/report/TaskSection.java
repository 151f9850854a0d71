package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.report.Flip.Kind;
import dev.millrace.jobs.evaluate.report.History.Point;
import dev.millrace.jobs.evaluate.result.BaselineComparison;
import dev.millrace.jobs.evaluate.result.GateOutcome;
import dev.millrace.jobs.evaluate.result.Interval;
import dev.millrace.jobs.evaluate.result.MetricValue;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.jobs.evaluate.result.Verdict;
import dev.millrace.jobs.progress.Amounts;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** One line a task, those that failed first; each opens to its gate, history and provenance. */
final class TaskSection {
  /** From so many tasks on, each shows fewer nights: the page must stay small. */
  private static final int MANY_TASKS = 60;

  private static final int NIGHTS_IF_MANY = 20;
  private static final double LIMIT_MIN = 0.01;
  private static final int FILTER_FROM = 8;

  private final Page page;
  private final NightResult night;
  private final HtmlWriter html;
  private final Plots plots;

  TaskSection(Page page, HtmlWriter html) {
    this.page = page;
    this.night = page.night();
    this.html = html;
    this.plots = new Plots(html);
  }

  void write() throws IOException {
    html.open("section", "id", "tasks").element("h2", "Tasks");
    if (night.tasks().isEmpty()) {
      html.element("p", "This night had no tasks.", "class", "empty");
      html.close("section");
      return;
    }
    if (night.tasks().size() >= FILTER_FROM) {
      filter();
    }
    html.open("table", "class", "tasks");
    html.element("caption", caption());
    html.open("thead").open("tr");
    for (String head :
        List.of("Verdict", "Task", "Score", "Baseline", "Change", "Rows", "History")) {
      html.element("th", head, "scope", "col");
    }
    html.close("tr").close("thead");
    for (Verdict verdict : List.of(Verdict.FAIL, Verdict.WARN, Verdict.PASS)) {
      for (TaskResult task : night.tasksWith(verdict)) {
        task(task);
      }
    }
    html.close("table").close("section");
  }

  private String caption() {
    return page.compared()
        ? "Scores with 95 % intervals; changes are paired by row with the accepted night "
            + night.baselineNightId()
            + ", and right of the line is better."
        : "Scores with 95 % intervals. No night is accepted as a baseline yet.";
  }

  private void filter() throws IOException {
    html.open("div", "class", "filter", "hidden", "hidden", "data-for", "tasks");
    html.open("label").text("Find ");
    html.open("input", "type", "search", "data-role", "text", "placeholder", "task, suite, tag");
    html.close("label");
    html.open("label").text("Verdict ").open("select", "data-role", "verdict");
    html.element("option", "all", "value", "");
    for (Verdict verdict : List.of(Verdict.FAIL, Verdict.WARN, Verdict.PASS)) {
      html.element("option", HtmlPage.word(verdict), "value", HtmlPage.style(verdict));
    }
    html.close("select").close("label");
    html.open("output", "data-role", "count").close("output").close("div");
  }

  private void task(TaskResult task) throws IOException {
    Verdict verdict = task.gate().verdict();
    html.open(
        "tbody",
        "id",
        "task-" + night.tasks().indexOf(task),
        "class",
        HtmlPage.style(verdict),
        "data-find",
        String.join(" ", task.task(), task.suite(), task.model(), String.join(" ", task.tags())));
    html.open("tr");
    html.open("td", "data-label", "Verdict");
    badge(html, verdict);
    html.close("td");
    name(task);
    MetricValue metric = task.metric();
    html.open("td", "class", "num", "data-label", "Score");
    html.element("b", Figures.score(metric, metric.score()));
    html.element("span", Figures.range(metric, metric.interval()), "class", "quiet");
    html.close("td");
    baseline(task);
    html.open("td", "class", "num", "data-label", "Rows");
    html.text(Amounts.count(task.rows()));
    if (task.failures() > 0) {
      html.element("span", Amounts.count(task.failures()) + " failed", "class", "quiet bad");
    }
    html.close("td");
    List<Point> points = points(task);
    html.open("td", "class", points.size() < 2 ? "absent" : null, "data-label", "History");
    plots.spark(task, points);
    html.close("td").close("tr");
    more(task);
    html.close("tbody");
  }

  private void name(TaskResult task) throws IOException {
    html.open("th", "scope", "row", "data-label", "Task");
    html.name(task.task());
    html.open("span", "class", "quiet").name(task.suite());
    if (night.models().size() > 1) {
      html.text(" · ").name(task.model());
    }
    html.text(" · ").name(task.metric().name());
    html.text(task.metric().higherIsBetter() ? "" : " (lower is better)").close("span");
    html.close("th");
  }

  private void baseline(TaskResult task) throws IOException {
    BaselineComparison comparison = task.baseline();
    String absent = comparison == null ? " absent" : "";
    html.open("td", "class", "num" + absent, "data-label", "Baseline");
    html.text(comparison == null ? Figures.NONE : Figures.score(task.metric(), comparison.score()));
    html.close("td");
    html.open("td", "class", "changes" + absent, "data-label", "Change");
    if (comparison == null) {
      html.element("span", Figures.NONE, "class", "quiet");
    } else {
      plots.change(task.metric(), comparison, limit(task));
      html.open("span").element("b", Figures.change(task.metric(), comparison.change()));
      String range = Figures.changeRange(task.metric(), comparison);
      html.element("span", range, "class", "quiet").close("span");
    }
    html.close("td");
  }

  /** The same scale for all shares, so that their bars compare; one of its own for others. */
  private double limit(TaskResult task) {
    double limit = LIMIT_MIN;
    for (TaskResult other : night.tasks()) {
      BaselineComparison comparison = other.baseline();
      boolean together = Figures.isShare(task.metric()) && Figures.isShare(other.metric());
      if (comparison != null && (other.equals(task) || together)) {
        Interval interval = comparison.changeInterval();
        double most = Math.abs(comparison.change());
        if (interval != null) {
          most = Math.max(most, Math.max(Math.abs(interval.low()), Math.abs(interval.high())));
        }
        limit = Math.max(limit, most);
      }
    }
    return Double.isFinite(limit) ? limit : 1;
  }

  private List<Point> points(TaskResult task) {
    List<Point> points = page.history().of(task);
    boolean many = night.tasks().size() > MANY_TASKS && points.size() > NIGHTS_IF_MANY;
    return many ? points.subList(points.size() - NIGHTS_IF_MANY, points.size()) : points;
  }

  private void more(TaskResult task) throws IOException {
    html.open("tr", "class", "more").open("td", "colspan", "7").open("details");
    boolean passed = task.gate().verdict() == Verdict.PASS;
    html.open("summary");
    html.name(passed ? "Gate, history and provenance" : task.gate().sentence()).close("summary");
    List<Point> points = points(task);
    if (points.size() > 1) {
      html.open("figure");
      plots.history(task, points);
      html.element(
          "figcaption",
          "Each night's score with its 95 % interval"
              + (task.baseline() == null ? "." : "; the dashed line is the accepted score."));
      html.close("figure");
    }
    html.open("dl", "class", "facts");
    for (GateOutcome.Rule rule : task.gate().rules()) {
      html.open("div").open("dt");
      badge(html, rule.verdict());
      html.element("code", rule.rule()).close("dt");
      html.open("dd").name(rule.sentence()).close("dd").close("div");
    }
    for (String[] fact : facts(task)) {
      html.open("div").element("dt", fact[0]).open("dd").name(fact[1]);
      html.close("dd").close("div");
    }
    html.close("dl");
    flips(task);
    html.close("details").close("td").close("tr");
  }

  private void flips(TaskResult task) throws IOException {
    int index = night.tasks().indexOf(task);
    TaskFlips flips = page.rows().get(index);
    if (flips.all() > 0) {
      html.open("p");
      String link = "Look at the " + Amounts.count(flips.all()) + " rows of this task";
      html.element("a", link, "href", "#rows", "data-task", Integer.toString(index));
      html.close("p");
    }
  }

  private List<String[]> facts(TaskResult task) {
    List<String[]> facts = new ArrayList<>();
    BaselineComparison comparison = task.baseline();
    if (comparison != null) {
      facts.add(fact("Test", test(comparison)));
      if (comparison.detectableDrop() != null) {
        facts.add(
            fact(
                "Smallest drop that so many rows find",
                Figures.change(task.metric(), comparison.detectableDrop()).replace("+", "")
                    + " (power 0.8, level 0.05)"));
      }
      TaskFlips flips = page.rows().get(night.tasks().indexOf(task));
      facts.add(
          fact(
              "Rows that changed",
              Amounts.count(flips.count(Kind.WORSE))
                  + " worse, "
                  + Amounts.count(flips.count(Kind.BETTER))
                  + " better, of "
                  + Amounts.count(comparison.pairedRows())
                  + " compared"
                  + (comparison.unpairedRows() == 0
                      ? ""
                      : "; " + Amounts.count(comparison.unpairedRows()) + " without a partner")));
    }
    for (MetricValue other : task.otherMetrics()) {
      String range = Figures.range(other, other.interval());
      facts.add(
          fact(
              other.name(),
              Figures.score(other, other.score()) + (range.isEmpty() ? "" : " (" + range + ")")));
    }
    if (task.flakyRows() != null) {
      facts.add(fact("Flaky rows", Amounts.count(task.flakyRows())));
    }
    facts.add(fact("Asked as", asked(task)));
    facts.add(
        fact(
            "Tokens",
            Amounts.count(task.promptTokens())
                + " in, "
                + Amounts.count(task.outputTokens())
                + " out"));
    facts.add(fact("Data", task.data() + (task.license() == null ? "" : ", " + task.license())));
    if (task.provenance() != null) {
      facts.add(fact("From", task.provenance()));
    }
    facts.add(fact("Every answer", task.samplesFile()));
    return facts;
  }

  private static String asked(TaskResult task) {
    return task.requestType().replace('_', ' ')
        + ", "
        + task.fewShot()
        + " examples before each row"
        + (task.repeats() == 1 ? "" : ", " + task.repeats() + " answers a row")
        + (task.tags().isEmpty() ? "" : ", tagged " + String.join(", ", task.tags()));
  }

  private static String test(BaselineComparison comparison) {
    String name =
        comparison.test().equals("mcnemar-exact")
            ? "McNemar, exact"
            : comparison.test().replace('-', ' ');
    return String.format(
        Locale.ROOT,
        "%s: %s, after Holm %s",
        name,
        Figures.probability(comparison.pValue()),
        Figures.probability(comparison.adjustedPValue()));
  }

  private static String[] fact(String name, String value) {
    return new String[] {name, value};
  }

  /** A verdict as mark and word. */
  static void badge(HtmlWriter html, Verdict verdict) throws IOException {
    html.open("span", "class", "badge " + HtmlPage.style(verdict));
    html.element("span", HtmlPage.mark(verdict), "aria-hidden", "true");
    html.text(" " + verdict.name().toLowerCase(Locale.ROOT)).close("span");
  }
}
