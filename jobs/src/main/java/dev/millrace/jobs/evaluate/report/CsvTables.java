package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.result.BaselineComparison;
import dev.millrace.jobs.evaluate.result.Interval;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.SampleMessage;
import dev.millrace.jobs.evaluate.result.SampleResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.jobs.inert.InertText;
import java.util.stream.Collectors;

/**
 * The results for spreadsheets: RFC 4180, UTF-8. Numbers are bare with all their digits, texts are
 * quoted and cannot be formulas ({@link InertText#csv}).
 */
final class CsvTables {
  private static final String END = "\r\n";

  private CsvTables() {}

  /** One line a task. */
  static String tasks(NightResult night) {
    StringBuilder out = new StringBuilder();
    out.append(
            "night,model,suite,task,metric,verdict,score,standard_error,low,high,rows,failures,"
                + "flaky_rows,baseline_night,baseline_score,change,change_low,change_high,p_value,"
                + "adjusted_p_value,detectable_drop,better,worse,gate")
        .append(END);
    for (TaskResult task : night.tasks()) {
      Line line = new Line(out);
      line.text(night.nightId()).text(task.model()).text(task.suite()).text(task.task());
      line.text(task.metric().name()).text(task.gate().verdict().name());
      line.number(task.metric().score()).number(task.metric().standardError());
      line.interval(task.metric().interval());
      line.number(task.rows()).number(task.failures()).number(task.flakyRows());
      comparison(line, task.baseline());
      line.text(task.gate().sentence());
      out.append(END);
    }
    return out.toString();
  }

  private static void comparison(Line line, BaselineComparison comparison) {
    if (comparison == null) {
      line.nothing(10);
      return;
    }
    line.text(comparison.nightId()).number(comparison.score()).number(comparison.change());
    line.interval(comparison.changeInterval());
    line.number(comparison.pValue()).number(comparison.adjustedPValue());
    line.number(comparison.detectableDrop());
    line.number(comparison.better()).number(comparison.worse());
  }

  /** One line a row that the page shows, with its shortened texts. */
  static String rows(Page page) {
    StringBuilder out = new StringBuilder();
    out.append(
            "night,model,suite,task,row,row_id,repeat,change,before,after,prompt,expected,"
                + "accepted_answer,answer,failure")
        .append(END);
    for (TaskFlips flips : page.rows()) {
      for (Flip flip : flips.shown()) {
        TaskResult task = flips.task();
        SampleResult sample = flip.tonight();
        Line line = new Line(out);
        line.text(page.night().nightId()).text(task.model()).text(task.suite()).text(task.task());
        line.number(flip.row()).text(sample.rowId()).number(sample.repeat());
        line.text(flip.kind().word()).number(flip.before()).number(flip.after());
        line.text(prompt(sample)).text(sample.target());
        line.text(answer(flip.accepted())).text(answer(sample)).text(sample.failure());
        out.append(END);
      }
    }
    return out.toString();
  }

  private static String prompt(SampleResult sample) {
    if (sample.prompt() != null) {
      return sample.prompt();
    }
    return sample.messages().stream()
        .map(SampleMessage::content)
        .collect(Collectors.joining("\n\n"));
  }

  private static String answer(SampleResult sample) {
    if (sample == null) {
      return null;
    }
    Integer chosen = sample.chosenIndex();
    if (chosen != null && chosen >= 0 && chosen < sample.choices().size()) {
      return sample.choices().get(chosen).text();
    }
    return String.join("\n\n", sample.answers());
  }

  /** One line, cell by cell. */
  private static final class Line {
    private final StringBuilder out;
    private boolean begun;

    Line(StringBuilder out) {
      this.out = out;
    }

    private StringBuilder cell() {
      if (begun) {
        out.append(',');
      }
      begun = true;
      return out;
    }

    Line text(String text) {
      cell().append(text == null ? "" : InertText.csv(text));
      return this;
    }

    Line number(Number number) {
      cell().append(number == null ? "" : number.toString());
      return this;
    }

    void interval(Interval interval) {
      number(interval == null ? null : interval.low());
      number(interval == null ? null : interval.high());
    }

    void nothing(int cells) {
      for (int i = 0; i < cells; i++) {
        cell();
      }
    }
  }
}
