package dev.millrace.jobs.evaluate.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.jobs.evaluate.result.MetricValue;
import dev.millrace.jobs.evaluate.result.ModelRun;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.SampleReader;
import dev.millrace.jobs.evaluate.result.SampleResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.pipeline.store.AtomicFiles;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A night in the layout that tools for lm-evaluation-harness read, so that its users keep theirs.
 * The facts of the format are those of lm-evaluation-harness 0.4.13 ({@code lm_eval/
 * result_schema.py}, {@code loggers/evaluation_tracker.py}, {@code utils.py}):
 *
 * <pre>
 * lm-eval/MODEL/results_TIME.json           results, configs, versions, n-shot, higher_is_better,
 *                                           n-samples, config, task_hashes, ...
 * lm-eval/MODEL/samples_TASK_TIME.jsonl     one sample a line ({@link HarnessSample})
 * </pre>
 *
 * MODEL and TASK are names with what file names cannot hold replaced; TIME is local time there and
 * UTC here, with dashes for colons. A task's name carries its suite's where two suites share it.
 */
final class HarnessFiles {
  static final String FOLDER = "lm-eval";

  private static final int NAME_LENGTH_MAX = 100;

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH-mm-ss.SSSSSS", Locale.ROOT)
          .withZone(ZoneOffset.UTC);
  private static final ObjectMapper MAPPER =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  private final NightResult night;
  private final NightFolder folder;
  private final ModelRun model;
  private final Map<TaskResult, String> names;

  private HarnessFiles(NightResult night, NightFolder folder, ModelRun model) {
    this.night = night;
    this.folder = folder;
    this.model = model;
    this.names = names(night, model);
  }

  static void write(NightResult night, NightFolder folder) throws IOException {
    for (ModelRun model : night.models()) {
      new HarnessFiles(night, folder, model).write();
    }
  }

  private static Map<TaskResult, String> names(NightResult night, ModelRun model) {
    Map<String, Integer> uses = new HashMap<>();
    List<TaskResult> tasks =
        night.tasks().stream().filter(task -> task.model().equals(model.name())).toList();
    tasks.forEach(task -> uses.merge(task.task(), 1, Integer::sum));
    Map<TaskResult, String> names = new LinkedHashMap<>();
    for (TaskResult task : tasks) {
      boolean alone = uses.get(task.task()) == 1;
      names.put(task, alone ? task.task() : task.suite() + "_" + task.task());
    }
    return names;
  }

  private void write() throws IOException {
    Path target = folder.path().resolve(FOLDER).resolve(fileName(model.name()));
    Files.createDirectories(target);
    String time = TIME.format(night.started());
    ObjectNode hashes = MAPPER.createObjectNode();
    for (Map.Entry<TaskResult, String> task : names.entrySet()) {
      String name = "samples_" + taskFileName(task.getValue()) + "_" + time + ".jsonl";
      hashes.put(task.getValue(), samples(task.getKey(), target.resolve(name)));
    }
    AtomicFiles.write(
        target.resolve("results_" + time + ".json"),
        MAPPER.writeValueAsString(results(hashes)) + "\n");
  }

  /** What the harness replaces in names of models; anything else odd is replaced too. */
  private static String fileName(String name) {
    String clean =
        name.replaceAll("[^\\p{ASCII}]|[^\\p{L}\\p{N}._ =+,@-]+", "__").replaceAll("^\\.+", "__");
    return clean.length() <= NAME_LENGTH_MAX ? clean : clean.substring(0, NAME_LENGTH_MAX);
  }

  /**
   * A task's name as part of a file's: one that had to be changed carries a digest, so that two
   * never meet.
   */
  private static String taskFileName(String name) {
    String clean = fileName(name);
    return clean.equals(name) ? clean : clean + "-" + HarnessSample.hash(name).substring(0, 8);
  }

  /** Writes a task's samples; returns the digest of their digests, as the harness makes it. */
  private String samples(TaskResult task, Path file) throws IOException {
    Path temporary = AtomicFiles.temporary(file);
    HarnessSample samples = new HarnessSample(task);
    ObjectMapper lines = new ObjectMapper();
    try (SampleReader reader = folder.samples(task);
        BufferedWriter out =
            new BufferedWriter(
                new OutputStreamWriter(Files.newOutputStream(temporary), StandardCharsets.UTF_8))) {
      for (SampleResult sample = reader.next(); sample != null; sample = reader.next()) {
        out.write(lines.writeValueAsString(samples.json(sample)));
        out.write('\n');
      }
    }
    AtomicFiles.commit(temporary, file);
    return samples.digest();
  }

  private ObjectNode results(ObjectNode hashes) {
    ObjectNode root = MAPPER.createObjectNode();
    ObjectNode results = root.putObject("results");
    ObjectNode subtasks = root.putObject("group_subtasks");
    ObjectNode configs = root.putObject("configs");
    ObjectNode versions = root.putObject("versions");
    ObjectNode shots = root.putObject("n-shot");
    ObjectNode directions = root.putObject("higher_is_better");
    ObjectNode counts = root.putObject("n-samples");
    for (Map.Entry<TaskResult, String> entry : names.entrySet()) {
      TaskResult task = entry.getKey();
      String name = entry.getValue();
      results.set(name, metrics(name, task));
      subtasks.putArray(name);
      configs.set(name, config(name, task));
      versions.putNull(name);
      shots.put(name, task.fewShot());
      ObjectNode direction = directions.putObject(name);
      direction.put(task.metric().name(), task.metric().higherIsBetter());
      task.otherMetrics().forEach(m -> direction.put(m.name(), m.higherIsBetter()));
      counts.putObject(name).put("original", task.rows()).put("effective", task.rows());
    }
    ObjectNode config = root.putObject("config");
    config.put("model", "millrace");
    config.put("model_args", "pretrained=" + model.name() + ",workspace=" + model.workspace());
    config.putNull("batch_size").putNull("device").putNull("limit");
    root.put("date", night.started().toEpochMilli() / 1e3);
    root.put("model_source", "millrace");
    root.put("model_name", model.name());
    root.put("model_name_sanitized", fileName(model.name()));
    root.put("program", night.program());
    root.put("spec_fingerprint", night.specFingerprint());
    root.put("model_fingerprint", model.fingerprint());
    root.set("task_hashes", hashes);
    double seconds = Duration.between(night.started(), night.ended()).toMillis() / 1e3;
    root.put("total_evaluation_time_seconds", Double.toString(seconds));
    return root;
  }

  private static ObjectNode metrics(String name, TaskResult task) {
    ObjectNode node = MAPPER.createObjectNode().put("alias", name).put("sample_len", task.rows());
    metric(node, task.metric());
    task.otherMetrics().forEach(metric -> metric(node, metric));
    return node;
  }

  /** {@code metric,filter} and {@code metric_stderr,filter}; there is one filter, none. */
  private static void metric(ObjectNode node, MetricValue metric) {
    if (metric.score() != null) {
      node.put(metric.name() + ",none", metric.score());
      if (metric.standardError() == null) {
        node.put(metric.name() + "_stderr,none", "N/A");
      } else {
        node.put(metric.name() + "_stderr,none", metric.standardError());
      }
    }
  }

  private static ObjectNode config(String name, TaskResult task) {
    ObjectNode node = MAPPER.createObjectNode();
    node.put("task", name);
    node.put("dataset_path", task.data());
    node.put("output_type", HarnessSample.outputType(task));
    node.put("num_fewshot", task.fewShot());
    node.put("repeats", task.repeats());
    node.putObject("metadata")
        .put("suite", task.suite())
        .put("data_fingerprint", task.dataFingerprint())
        .put("license", task.license());
    return node;
  }
}
