package dev.millrace.pipeline;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.pipeline.job.ColumnSettings;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.OutputSettings;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What tests of whole jobs share. */
final class Jobs {
  static final ObjectMapper JSON =
      new ObjectMapper().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS);

  private Jobs() {}

  static JobSettings settings(Path input, Path output) {
    return JobSettings.of(List.of(input.toString()), OutputSettings.to(output));
  }

  static JobReport run(JobSettings settings, String engine) {
    return BatchJob.of(settings, ScriptedEngineFactory.named(engine)).run();
  }

  /** A file of JSON lines; {@code '} stands for {@code "}. */
  static Path lines(Path file, String... lines) throws IOException {
    Files.createDirectories(file.getParent());
    return Files.write(file, List.of(lines).stream().map(l -> l.replace('\'', '"')).toList());
  }

  static List<JsonNode> rows(Path file) throws IOException {
    List<JsonNode> rows = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      rows.add(JSON.readTree(line));
    }
    return rows;
  }

  /** A copy of a fixture. */
  static Path fixture(String name, Path target) throws IOException {
    Files.createDirectories(target.getParent());
    try (InputStream in = Jobs.class.getResourceAsStream("/fixtures/" + name)) {
      Files.write(target, in.readAllBytes());
    }
    return target;
  }

  static ColumnSettings promptColumn() {
    return ColumnSettings.automatic().withPrompt("prompt");
  }
}
