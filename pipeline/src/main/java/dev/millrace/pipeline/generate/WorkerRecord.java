package dev.millrace.pipeline.generate;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.pipeline.store.AtomicFiles;
import dev.millrace.pipeline.store.WorkFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * What a worker in another process leaves in the work folder for the client's report.
 *
 * @param worker host and process
 * @param info its engine
 * @param statistics what the engine did for it
 * @param restarts how often the engine failed and was opened again
 */
public record WorkerRecord(
    String worker, EngineInfo info, EngineStatistics statistics, long restarts) {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static Path folder(WorkFolder folder, String run) {
    return folder.work().resolve("workers").resolve(run);
  }

  static WorkerRecord of(EngineLease lease) {
    Engine engine = lease.engine();
    return new WorkerRecord(
        WorkerException.name(), engine.info(), engine.statistics(), lease.restarts());
  }

  void write(WorkFolder folder, String run) throws IOException {
    Path records = folder(folder, run);
    Files.createDirectories(records);
    AtomicFiles.write(
        records.resolve(worker.replaceAll("[^A-Za-z0-9._-]+", "-") + ".json"),
        JSON.writeValueAsString(this));
  }

  /** What the workers of a run left. */
  public static List<WorkerRecord> read(WorkFolder folder, String run) throws IOException {
    List<WorkerRecord> records = new ArrayList<>();
    Path all = folder(folder, run);
    if (!Files.isDirectory(all)) {
      return records;
    }
    try (Stream<Path> files = Files.list(all)) {
      for (Path file : (Iterable<Path>) files.sorted()::iterator) {
        if (file.toString().endsWith(".json")) {
          records.add(JSON.readValue(file.toFile(), WorkerRecord.class));
        }
      }
    }
    return records;
  }

  /** The sum of what all engines did. */
  public static EngineStatistics sum(List<WorkerRecord> records) {
    return records.stream()
        .map(WorkerRecord::statistics)
        .reduce(
            (a, b) ->
                new EngineStatistics(
                    a.requests() + b.requests(),
                    a.promptTokens() + b.promptTokens(),
                    a.cachedTokens() + b.cachedTokens(),
                    a.computedTokens() + b.computedTokens(),
                    a.outputTokens() + b.outputTokens(),
                    a.steps() + b.steps(),
                    a.sequenceSteps() + b.sequenceSteps(),
                    a.preemptions() + b.preemptions(),
                    a.modelNanos() + b.modelNanos(),
                    a.idleNanos() + b.idleNanos()))
        .orElse(null);
  }
}
