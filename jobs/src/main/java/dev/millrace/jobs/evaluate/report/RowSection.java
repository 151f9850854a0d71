package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.report.Flip.Kind;
import dev.millrace.jobs.evaluate.result.ChoiceScore;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.SampleMessage;
import dev.millrace.jobs.evaluate.result.SampleResult;
import dev.millrace.jobs.inert.InertText;
import dev.millrace.jobs.progress.Amounts;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** The rows that flipped, failed or are wrong: what was asked, and both answers side by side. */
final class RowSection {
  private static final int SNIPPET_CHARS = 110;

  private final Page page;
  private final NightResult night;
  private final HtmlWriter html;

  RowSection(Page page, HtmlWriter html) {
    this.page = page;
    this.night = page.night();
    this.html = html;
  }

  void write() throws IOException {
    long shown = page.rows().stream().mapToLong(task -> task.shown().size()).sum();
    long all = page.rows().stream().mapToLong(TaskFlips::all).sum();
    html.open("section", "id", "rows");
    html.element("h2", page.compared() ? "Rows that changed" : "Rows to look at");
    if (shown == 0) {
      html.element(
          "p",
          page.compared()
              ? "No row changed against the accepted night, and none failed."
              : "No row failed or was judged wrong.",
          "class",
          "empty");
      html.close("section");
      return;
    }
    html.element("p", note(shown, all), "class", "note");
    filter();
    html.open("div", "class", "flips");
    for (int task = 0; task < page.rows().size(); task++) {
      for (Flip flip : page.rows().get(task).shown()) {
        flip(task, flip);
      }
    }
    html.close("div").close("section");
  }

  private String note(long shown, long all) {
    String what =
        page.compared()
            ? "Against the accepted night " + night.baselineNightId() + "."
            : "No night is accepted yet, so these are rows that failed or were judged wrong.";
    return shown == all
        ? what + " All " + Amounts.count(all) + " are here."
        : what
            + " The page holds "
            + Amounts.count(shown)
            + " of "
            + Amounts.count(all)
            + ", the largest changes of each task; every row is in the samples files.";
  }

  private void filter() throws IOException {
    Set<Kind> kinds = EnumSet.noneOf(Kind.class);
    page.rows().forEach(task -> task.shown().forEach(flip -> kinds.add(flip.kind())));
    html.open("div", "class", "filter", "hidden", "hidden", "data-for", "rows");
    html.open("label").text("Find ");
    html.open("input", "type", "search", "data-role", "text", "placeholder", "prompt or answer");
    html.close("label");
    html.open("label").text("Task ").open("select", "data-role", "task");
    html.element("option", "all", "value", "");
    for (int task = 0; task < page.rows().size(); task++) {
      TaskFlips flips = page.rows().get(task);
      if (!flips.shown().isEmpty()) {
        String model = night.models().size() > 1 ? " · " + flips.task().model() : "";
        html.element(
            "option",
            flips.task().task() + model + " (" + flips.shown().size() + ")",
            "value",
            Integer.toString(task));
      }
    }
    html.close("select").close("label");
    html.open("label").text("Change ").open("select", "data-role", "kind");
    html.element("option", "all", "value", "");
    for (Kind kind : kinds) {
      html.element("option", kind.word(), "value", kind.word());
    }
    html.close("select").close("label");
    html.open("output", "data-role", "count").close("output").close("div");
  }

  private void flip(int task, Flip flip) throws IOException {
    SampleResult tonight = flip.tonight();
    html.open(
        "details",
        "class",
        "flip " + flip.kind().word(),
        "data-task",
        Integer.toString(task),
        "data-kind",
        flip.kind().word());
    html.open("summary");
    html.element("span", flip.kind().word(), "class", "badge " + flip.kind().word());
    html.open("span", "class", "where").name(page.rows().get(task).task().task());
    html.text(" · ").name(InertText.shortened(tonight.rowId(), 40));
    html.text(tonight.repeat() == 0 ? "" : " · answer " + (tonight.repeat() + 1)).close("span");
    html.open("span", "class", "snippet").name(snippet(tonight)).close("span");
    html.element("span", values(flip), "class", "values");
    html.close("summary");
    prompt(tonight);
    if (tonight.failure() != null) {
      block("Failure", tonight.failure());
    }
    if (!tonight.choices().isEmpty()) {
      choices(tonight, flip.accepted());
    } else if (!tonight.answers().isEmpty() || hasAnswers(flip.accepted())) {
      answers(tonight, flip.accepted());
    }
    if (tonight.target() != null && tonight.choices().isEmpty()) {
      block("Expected", tonight.target());
    }
    html.close("details");
  }

  private static boolean hasAnswers(SampleResult sample) {
    return sample != null && !sample.answers().isEmpty();
  }

  private String values(Flip flip) {
    String after = flip.after() == null ? Figures.NONE : Figures.value(flip.after());
    return flip.before() == null ? after : Figures.value(flip.before()) + " → " + after;
  }

  private static String snippet(SampleResult sample) {
    String text = sample.prompt();
    if (text == null) {
      List<SampleMessage> messages = sample.messages();
      text = messages.isEmpty() ? "" : messages.get(messages.size() - 1).content();
    }
    String line = text.strip().replaceAll("\\s+", " ");
    if (line.length() <= SNIPPET_CHARS) {
      return line;
    }
    int cut = Character.isHighSurrogate(line.charAt(SNIPPET_CHARS - 1)) ? 1 : 0;
    return line.substring(0, SNIPPET_CHARS - cut) + "…";
  }

  private void prompt(SampleResult sample) throws IOException {
    if (sample.prompt() != null) {
      block("Prompt", sample.prompt());
    }
    for (SampleMessage message : sample.messages()) {
      block(message.role(), message.content());
    }
  }

  private void block(String name, String text) throws IOException {
    html.open("div", "class", "block").open("h3").name(name).close("h3");
    html.element("pre", text, "dir", "auto").close("div");
  }

  private void answers(SampleResult tonight, SampleResult accepted) throws IOException {
    html.open("div", "class", accepted == null ? "pair one" : "pair");
    if (accepted != null) {
      answer("Accepted", accepted, first(tonight));
    }
    answer("Tonight", tonight, accepted == null ? null : first(accepted));
    html.close("div");
  }

  private static String first(SampleResult sample) {
    return sample.answers().isEmpty() ? "" : sample.answers().get(0);
  }

  private void answer(String name, SampleResult sample, String other) throws IOException {
    html.open("div", "class", "block").element("h3", name);
    if (sample.answers().isEmpty()) {
      String why = sample.failure() == null ? "no answer" : sample.failure();
      html.element("p", why, "class", "quiet");
    }
    for (int i = 0; i < sample.answers().size(); i++) {
      html.open("pre", "dir", "auto");
      marked(sample.answers().get(i), i == 0 ? other : null);
      html.close("pre");
      html.element("p", judged(sample, i), "class", "quiet");
    }
    html.close("div");
  }

  private static String judged(SampleResult sample, int answer) {
    List<String> parts = new ArrayList<>();
    if (answer < sample.extracted().size()) {
      String found = sample.extracted().get(answer);
      parts.add(found == null ? "nothing extracted" : "extracted: " + found);
    }
    if (answer < sample.finishReasons().size()) {
      parts.add("ended by " + sample.finishReasons().get(answer));
    }
    if (sample.reused()) {
      parts.add("from the cache");
    }
    return String.join(" · ", parts);
  }

  /** The text, with what differs from the other between their common beginning and end marked. */
  private void marked(String text, String other) throws IOException {
    if (other == null || other.equals(text)) {
      html.text(text);
      return;
    }
    int from = WordDifference.commonStart(text, other);
    int to = text.length() - WordDifference.commonEnd(text, other, from);
    html.text(text.substring(0, from));
    html.element("mark", text.substring(from, to));
    html.text(text.substring(to));
  }

  private void choices(SampleResult tonight, SampleResult accepted) throws IOException {
    html.open("table", "class", "choices").open("thead").open("tr");
    html.element("th", "Choice", "scope", "col");
    if (accepted != null) {
      html.element("th", "Accepted", "scope", "col");
    }
    html.element("th", "Tonight", "scope", "col").close("tr").close("thead").open("tbody");
    for (int i = 0; i < tonight.choices().size(); i++) {
      boolean right = Integer.valueOf(i).equals(tonight.targetIndex());
      html.open("tr", "class", right ? "right" : null).open("th", "scope", "row");
      html.name(tonight.choices().get(i).text().strip());
      if (right) {
        html.element("span", " expected", "class", "quiet");
      }
      html.close("th");
      if (accepted != null) {
        choice(accepted, i);
      }
      choice(tonight, i);
      html.close("tr");
    }
    html.close("tbody").close("table");
  }

  private void choice(SampleResult sample, int index) throws IOException {
    boolean chosen = Integer.valueOf(index).equals(sample.chosenIndex());
    html.open("td", "class", chosen ? "num chosen" : "num");
    if (index < sample.choices().size()) {
      ChoiceScore score = sample.choices().get(index);
      html.text(Figures.plain(score.logLikelihood()));
      html.element("span", chosen ? " chosen" : "", "class", "quiet");
    }
    html.close("td");
  }
}
