package dev.millrace.jobs.golden;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.converter.Conversion;
import dev.millrace.converter.ConversionSettings;
import dev.millrace.jobs.RepositoryFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Sample models, converted, and the goldens that were computed from the same checkpoints. */
public final class SampleData {
  private static final ObjectMapper JSON = new ObjectMapper();

  private SampleData() {}

  /** Converts a sample model into a folder and opens it. */
  public static Workspace convert(String model, Path target) throws IOException {
    try {
      return Workspace.open(
          Conversion.ofCheckpoint(
                  RepositoryFiles.sampleData("models/" + model), ConversionSettings.to(target))
              .workspace());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** The lines of a golden. */
  static List<JsonNode> golden(String name) throws IOException {
    List<JsonNode> rows = new ArrayList<>();
    for (String line :
        Files.readAllLines(RepositoryFiles.sampleData("golden/" + name + ".jsonl"))) {
      rows.add(JSON.readTree(line));
    }
    return rows;
  }

  /** A golden that is one JSON object. */
  static JsonNode goldenObject(String file) throws IOException {
    return JSON.readTree(RepositoryFiles.sampleData("golden/" + file).toFile());
  }

  /** A JSON file beside a sample model's weights. */
  static JsonNode modelFile(String model, String file) throws IOException {
    return JSON.readTree(RepositoryFiles.sampleData("models/" + model + "/" + file).toFile());
  }

  static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).intValue();
    }
    return values;
  }
}
