package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.report.Flip.Kind;
import dev.millrace.jobs.evaluate.result.ModelRun;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.jobs.evaluate.result.Verdict;
import dev.millrace.jobs.progress.Amounts;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** The first screen: the verdict, why, and the figures that a reader asks for first. */
final class VerdictSection {
  private static final int REASONS_MAX = 12;

  private final Page page;
  private final NightResult night;
  private final HtmlWriter html;

  VerdictSection(Page page, HtmlWriter html) {
    this.page = page;
    this.night = page.night();
    this.html = html;
  }

  void write() throws IOException {
    html.open("header", "class", "top " + HtmlPage.style(night.verdict()));
    html.open("div", "class", "inner");
    html.open("p", "class", "kicker");
    html.name(night.specName()).text(" · night ").name(night.nightId());
    html.text(" · began ").element("span", Figures.time(night.started()), "class", "unbroken");
    html.close("p");
    html.open("h1");
    html.element("span", HtmlPage.mark(night.verdict()), "class", "mark", "aria-hidden", "true");
    html.text(HtmlPage.word(night.verdict())).close("h1");
    html.open("p", "class", "summary").name(summary()).close("p");
    reasons();
    figures();
    navigation();
    html.close("div").close("header");
  }

  /** The sentence without the word that stands above it in large letters. */
  private String summary() {
    String word = HtmlPage.word(night.verdict()) + ": ";
    return night.summary().startsWith(word)
        ? night.summary().substring(word.length())
        : night.summary();
  }

  private void reasons() throws IOException {
    List<TaskResult> tasks = new ArrayList<>(night.tasksWith(Verdict.FAIL));
    tasks.addAll(night.tasksWith(Verdict.WARN));
    if (tasks.isEmpty()) {
      return;
    }
    html.open("ul", "class", "reasons");
    for (TaskResult task : tasks.subList(0, Math.min(REASONS_MAX, tasks.size()))) {
      html.open("li");
      TaskSection.badge(html, task.gate().verdict());
      html.open("a", "href", "#task-" + night.tasks().indexOf(task));
      html.name(task.task()).close("a");
      if (night.models().size() > 1) {
        html.text(" on ").name(task.model());
      }
      html.text(": ").name(task.gate().sentence());
      html.close("li");
    }
    if (tasks.size() > REASONS_MAX) {
      html.element("li", "and " + (tasks.size() - REASONS_MAX) + " more, below");
    }
    html.close("ul");
  }

  private void figures() throws IOException {
    long requests = night.models().stream().mapToLong(model -> model.job().requests()).sum();
    long reused = night.models().stream().mapToLong(model -> model.job().reusedRequests()).sum();
    html.open("dl", "class", "figures");
    figure(
        "Tasks",
        Integer.toString(night.tasks().size()),
        night.tasksWith(Verdict.PASS).size()
            + " passed, "
            + night.tasksWith(Verdict.WARN).size()
            + " warned, "
            + night.tasksWith(Verdict.FAIL).size()
            + " failed");
    figure("Rows", Amounts.count(rows()), failures());
    if (page.compared()) {
      figure(
          "Changed rows",
          Amounts.count(page.count(Kind.WORSE) + page.count(Kind.BETTER)),
          Amounts.count(page.count(Kind.WORSE))
              + " worse, "
              + Amounts.count(page.count(Kind.BETTER))
              + " better");
    } else {
      figure("Baseline", "none", "nothing is accepted yet to compare with");
    }
    flaky();
    figure(
        "Time",
        Amounts.text(Duration.between(night.started(), night.ended()).toMillis() / 1e3),
        requests == 0
            ? "no requests"
            : Math.round(100.0 * reused / requests) + " % of the answers from the cache");
    cost();
    html.close("dl");
  }

  private long rows() {
    return night.tasks().stream().mapToLong(TaskResult::rows).sum();
  }

  private String failures() {
    long failures = night.tasks().stream().mapToLong(TaskResult::failures).sum();
    return failures == 0 ? "all have an answer" : Amounts.count(failures) + " without an answer";
  }

  private void flaky() throws IOException {
    List<Long> counts =
        night.tasks().stream().map(TaskResult::flakyRows).filter(rows -> rows != null).toList();
    if (!counts.isEmpty()) {
      long flaky = counts.stream().mapToLong(Long::longValue).sum();
      figure(
          "Flaky rows",
          Amounts.count(flaky),
          flaky == 0 ? "same model, same answers" : "same model and seed, another answer");
    }
  }

  private void cost() throws IOException {
    double cost = 0;
    String currency = null;
    for (ModelRun model : night.models()) {
      if (model.job().cost() != null) {
        cost += model.job().cost();
        currency = model.job().currency();
      }
    }
    if (currency != null) {
      figure("Cost", Figures.plain(cost) + " " + currency, "at the price an hour of the spec");
    }
  }

  private void figure(String name, String value, String note) throws IOException {
    html.open("div").element("dt", name);
    html.open("dd").element("b", value).element("span", note).close("dd").close("div");
  }

  private void navigation() throws IOException {
    html.open("nav", "aria-label", "Parts of this page");
    html.element("a", "Tasks", "href", "#tasks");
    html.element("a", "Rows", "href", "#rows");
    html.element("a", "Machine", "href", "#machine");
    html.element("a", "About", "href", "#about");
    html.close("nav");
  }
}
