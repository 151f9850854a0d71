package dev.millrace.jobs.golden;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.converter.Conversion;
import dev.millrace.converter.ConversionSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Sample models, converted, and the goldens that were computed from the same checkpoints. */
final class SampleData {
  private static final ObjectMapper JSON = new ObjectMapper();

  private SampleData() {}

  private static Path root() {
    Path folder = Path.of("").toAbsolutePath();
    while (folder != null && !Files.isDirectory(folder.resolve("sample-data"))) {
      folder = folder.getParent();
    }
    if (folder == null) {
      throw new IllegalStateException(
          "sample-data: expected above " + Path.of("").toAbsolutePath() + ", found nowhere");
    }
    return folder.resolve("sample-data");
  }

  /** Converts a sample model into a folder and opens it. */
  static Workspace convert(String model, Path target) throws IOException {
    try {
      return Workspace.open(
          Conversion.ofCheckpoint(
                  root().resolve("models").resolve(model), ConversionSettings.to(target))
              .workspace());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** The lines of a golden. */
  static List<JsonNode> golden(String name) throws IOException {
    List<JsonNode> rows = new ArrayList<>();
    for (String line : Files.readAllLines(root().resolve("golden").resolve(name + ".jsonl"))) {
      rows.add(JSON.readTree(line));
    }
    return rows;
  }

  /** A JSON file beside a sample model's weights. */
  static JsonNode modelFile(String model, String file) throws IOException {
    return JSON.readTree(root().resolve("models").resolve(model).resolve(file).toFile());
  }

  static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).intValue();
    }
    return values;
  }
}
