package dev.millrace.jobs.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.jobs.memory.MemoryJson;
import dev.millrace.jobs.memory.MemoryRecord;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.JobReport.OutputFile;
import dev.millrace.pipeline.job.JobReport.Seconds;
import dev.millrace.pipeline.store.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The end report as JSON: {@value #FILE_NAME} in the output folder. Keys are only ever added.
 *
 * <pre>
 * version         1
 * exit_code       number, and exit_meaning
 * rows            in, completed, failed, failures by reason, allowed_failures (share)
 * requests        computed, duplicates, resumed
 * tokens          prompt, cached, output, output_per_second (while generating)
 * seconds         stage, load, generate, assemble, rest, total
 * model           workspace, fingerprint
 * memory          what the devices said: see {@link MemoryJson}; left out where none was asked
 * engine          backend, ranks, context_tokens_max, sequences_max, memory per rank, counters
 * files           name, rows, failures, bytes, sha256, failures_file
 * </pre>
 */
public final class JsonReport {
  public static final String FILE_NAME = "report.json";

  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private final JobReport report;
  private final ExitCode exitCode;
  private final String workspace;
  private final String program;
  private MemoryRecord memory = MemoryRecord.NONE;

  public JsonReport(JobReport report, ExitCode exitCode, String workspace, String program) {
    this.report = report;
    this.exitCode = exitCode;
    this.workspace = workspace;
    this.program = program;
  }

  /** The same with what the devices said of their memory. */
  public JsonReport withMemory(MemoryRecord record) {
    JsonReport report = new JsonReport(this.report, exitCode, workspace, program);
    report.memory = record;
    return report;
  }

  /** Whether a folder has such a report already. */
  public static boolean isIn(Path folder) {
    return Files.isRegularFile(folder.resolve(FILE_NAME));
  }

  /** Writes the report into the output folder, whole or not at all. */
  public void writeTo(Path folder) throws IOException {
    ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    AtomicFiles.write(folder.resolve(FILE_NAME), mapper.writeValueAsString(json()) + "\n");
  }

  ObjectNode json() {
    ObjectNode root = NODES.objectNode();
    root.put("version", 1);
    root.put("program", program);
    root.put("exit_code", exitCode.number());
    root.put("exit_meaning", exitCode.meaning());
    root.set("rows", rows());
    root.putObject("requests")
        .put("computed", report.requests())
        .put("duplicates", report.duplicates())
        .put("resumed", report.resumedRequests());
    root.set("tokens", tokens());
    root.set("seconds", seconds());
    ObjectNode model = root.putObject("model").put("workspace", workspace);
    if (report.engine() != null) {
      model.put("fingerprint", report.engine().modelFingerprint());
      root.set("engine", engine(report.engine()));
      if (!memory.isEmpty()) {
        long planned = report.engine().memory().stream().mapToLong(MemoryEntry::plannedBytes).sum();
        root.set("memory", MemoryJson.of(memory, planned));
      }
    }
    root.put("output", report.output());
    root.set("files", files());
    return root;
  }

  private ObjectNode rows() {
    ObjectNode rows =
        NODES
            .objectNode()
            .put("in", report.rows())
            .put("completed", report.completed())
            .put("failed", report.failed())
            .put("allowed_failures", report.allowedFailures());
    ObjectNode failures = rows.putObject("failures");
    report.failures().forEach((reason, count) -> failures.put(reason.name(), count));
    return rows;
  }

  private ObjectNode tokens() {
    EngineStatistics statistics = report.statistics();
    double generate = report.seconds().generate();
    double rate = statistics == null || generate <= 0 ? 0 : statistics.outputTokens() / generate;
    return NODES
        .objectNode()
        .put("prompt", report.promptTokens())
        .put("cached", report.cachedTokens())
        .put("output", report.outputTokens())
        .put("output_per_second", rate);
  }

  private ObjectNode seconds() {
    Seconds seconds = report.seconds();
    return NODES
        .objectNode()
        .put("stage", seconds.stage())
        .put("load", seconds.load())
        .put("generate", seconds.generate())
        .put("assemble", seconds.assemble())
        .put("rest", EndReport.rest(seconds))
        .put("total", seconds.total());
  }

  private ObjectNode engine(EngineInfo engine) {
    ObjectNode node =
        NODES
            .objectNode()
            .put("backend", engine.backend())
            .put("ranks", engine.ranks())
            .put("context_tokens_max", engine.contextTokensMax())
            .put("sequences_max", engine.sequencesMax())
            .put("load_seconds", engine.loadNanos() / 1e9);
    ArrayNode memory = node.putArray("memory_per_rank");
    for (MemoryEntry entry : engine.memory()) {
      memory
          .addObject()
          .put("purpose", entry.purpose())
          .put("planned_bytes", entry.plannedBytes())
          .put("used_bytes", entry.usedBytes());
    }
    EngineStatistics statistics = report.statistics();
    if (statistics != null) {
      node.set("counters", counters(statistics));
    }
    return node;
  }

  private static ObjectNode counters(EngineStatistics statistics) {
    return NODES
        .objectNode()
        .put("requests", statistics.requests())
        .put("prompt_tokens", statistics.promptTokens())
        .put("cached_tokens", statistics.cachedTokens())
        .put("computed_tokens", statistics.computedTokens())
        .put("output_tokens", statistics.outputTokens())
        .put("steps", statistics.steps())
        .put(
            "sequences_per_step",
            statistics.steps() == 0 ? 0 : (double) statistics.sequenceSteps() / statistics.steps())
        .put("preemptions", statistics.preemptions())
        .put("model_seconds", statistics.modelNanos() / 1e9)
        .put("idle_seconds", statistics.idleNanos() / 1e9);
  }

  private ArrayNode files() {
    ArrayNode files = NODES.arrayNode();
    for (OutputFile file : report.files()) {
      files
          .addObject()
          .put("name", file.name())
          .put("rows", file.rows())
          .put("failures", file.failures())
          .put("bytes", file.bytes())
          .put("sha256", file.sha256())
          .put("failures_file", file.failuresName());
    }
    return files;
  }
}
