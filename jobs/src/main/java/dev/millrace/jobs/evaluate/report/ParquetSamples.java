package dev.millrace.jobs.evaluate.report;

import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.SampleReader;
import dev.millrace.jobs.evaluate.result.SampleResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.pipeline.write.ParquetTable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.pojo.Field;

/** One row a sample, texts whole, streamed from the samples files. */
final class ParquetSamples {
  private static final List<Field> FIELDS =
      List.of(
          Columns.text("night"),
          Columns.text("model"),
          Columns.text("suite"),
          Columns.text("task"),
          Columns.text("row_id"),
          Columns.whole("repeat"),
          Columns.text("cluster"),
          Columns.text("prompt"),
          Columns.list(
              "messages", Columns.struct("element", Columns.text("role"), Columns.text("content"))),
          Columns.list("answers", Columns.text("element")),
          Columns.list("extracted", Columns.text("element")),
          Columns.text("target"),
          Columns.list(
              "choices",
              Columns.struct(
                  "element",
                  Columns.text("text"),
                  Columns.real("log_likelihood"),
                  Columns.whole("tokens"),
                  Columns.whole("bytes"),
                  Columns.bool("greedy"))),
          Columns.whole("target_index"),
          Columns.whole("chosen_index"),
          Columns.real("value"),
          Columns.list(
              "metrics",
              Columns.struct(
                  "element", Columns.text("name"), Columns.real("value"), Columns.real("weight"))),
          Columns.whole("prompt_tokens"),
          Columns.whole("output_tokens"),
          Columns.bool("reused"),
          Columns.text("failure"));

  private ParquetSamples() {}

  static void write(NightResult night, NightFolder folder, Path file) throws IOException {
    ParquetTable table = ParquetTable.create(file, FIELDS);
    try {
      for (TaskResult task : night.tasks()) {
        try (SampleReader reader = folder.samples(task)) {
          for (SampleResult sample = reader.next(); sample != null; sample = reader.next()) {
            row(table, night, task, sample);
          }
        }
      }
      table.commit();
    } finally {
      table.close();
    }
  }

  private static void row(
      ParquetTable table, NightResult night, TaskResult task, SampleResult sample)
      throws IOException {
    table.write(
        night.nightId(),
        task.model(),
        task.suite(),
        task.task(),
        sample.rowId(),
        sample.repeat(),
        sample.cluster(),
        sample.prompt(),
        messages(sample),
        sample.answers(),
        sample.extracted(),
        sample.target(),
        choices(sample),
        sample.targetIndex(),
        sample.chosenIndex(),
        FlipFinder.value(task, sample),
        metrics(sample),
        sample.promptTokens(),
        sample.outputTokens(),
        sample.reused(),
        sample.failure());
  }

  private static List<Map<String, Object>> messages(SampleResult sample) {
    List<Map<String, Object>> all = new ArrayList<>();
    sample
        .messages()
        .forEach(message -> all.add(Map.of("role", message.role(), "content", message.content())));
    return all;
  }

  private static List<Map<String, Object>> choices(SampleResult sample) {
    List<Map<String, Object>> all = new ArrayList<>();
    sample
        .choices()
        .forEach(
            choice ->
                all.add(
                    Map.of(
                        "text", choice.text(),
                        "log_likelihood", choice.logLikelihood(),
                        "tokens", choice.tokens(),
                        "bytes", choice.bytes(),
                        "greedy", choice.greedy())));
    return all;
  }

  private static List<Map<String, Object>> metrics(SampleResult sample) {
    List<Map<String, Object>> all = new ArrayList<>();
    for (Map.Entry<String, Double> metric : sample.metrics().entrySet()) {
      Map<String, Object> one = new LinkedHashMap<>();
      one.put("name", metric.getKey());
      one.put("value", metric.getValue());
      one.put("weight", sample.weights().get(metric.getKey()));
      all.add(one);
    }
    return all;
  }
}
