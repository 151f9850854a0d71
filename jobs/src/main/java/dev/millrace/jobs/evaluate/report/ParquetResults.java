package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.result.BaselineComparison;
import dev.millrace.jobs.evaluate.result.Interval;
import dev.millrace.jobs.evaluate.result.MetricValue;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.pipeline.write.ParquetTable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.apache.arrow.vector.types.pojo.Field;

/**
 * One row a task and metric, so that nights can be queried together: {@code select night, score
 * from 'nights/*}{@code /results.parquet' where task = 'gsm8k' and is_primary}.
 */
final class ParquetResults {
  private static final List<Field> FIELDS =
      List.of(
          Columns.text("night"),
          Columns.timestamp("started"),
          Columns.text("spec"),
          Columns.text("model"),
          Columns.text("model_fingerprint"),
          Columns.text("suite"),
          Columns.text("task"),
          Columns.list("tags", Columns.text("element")),
          Columns.text("metric"),
          Columns.bool("is_primary"),
          Columns.bool("higher_is_better"),
          Columns.real("score"),
          Columns.real("standard_error"),
          Columns.real("low"),
          Columns.real("high"),
          Columns.whole("rows"),
          Columns.whole("failures"),
          Columns.whole("flaky_rows"),
          Columns.text("verdict"),
          Columns.text("gate"),
          Columns.text("baseline_night"),
          Columns.real("baseline_score"),
          Columns.real("change"),
          Columns.real("change_low"),
          Columns.real("change_high"),
          Columns.real("p_value"),
          Columns.real("adjusted_p_value"),
          Columns.real("detectable_drop"),
          Columns.whole("better"),
          Columns.whole("worse"));

  private ParquetResults() {}

  static void write(NightResult night, Path file) throws IOException {
    ParquetTable table = ParquetTable.create(file, FIELDS);
    try {
      for (TaskResult task : night.tasks()) {
        row(table, night, task, task.metric(), true);
        for (MetricValue metric : task.otherMetrics()) {
          row(table, night, task, metric, false);
        }
      }
      table.commit();
    } finally {
      table.close();
    }
  }

  private static void row(
      ParquetTable table, NightResult night, TaskResult task, MetricValue metric, boolean primary)
      throws IOException {
    Interval interval = metric.interval();
    BaselineComparison c = primary ? task.baseline() : null;
    Interval change = c == null ? null : c.changeInterval();
    table.write(
        night.nightId(),
        Columns.micros(night.started()),
        night.specName(),
        task.model(),
        fingerprint(night, task),
        task.suite(),
        task.task(),
        task.tags(),
        metric.name(),
        primary,
        metric.higherIsBetter(),
        metric.score(),
        metric.standardError(),
        interval == null ? null : interval.low(),
        interval == null ? null : interval.high(),
        task.rows(),
        task.failures(),
        task.flakyRows(),
        task.gate().verdict().name(),
        task.gate().sentence(),
        c == null ? null : c.nightId(),
        c == null ? null : c.score(),
        c == null ? null : c.change(),
        change == null ? null : change.low(),
        change == null ? null : change.high(),
        c == null ? null : c.pValue(),
        c == null ? null : c.adjustedPValue(),
        c == null ? null : c.detectableDrop(),
        c == null ? null : c.better(),
        c == null ? null : c.worse());
  }

  private static String fingerprint(NightResult night, TaskResult task) {
    return night.models().stream()
        .filter(model -> model.name().equals(task.model()))
        .map(model -> model.fingerprint())
        .findFirst()
        .orElse(null);
  }
}
