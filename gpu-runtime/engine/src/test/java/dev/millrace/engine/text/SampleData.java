package dev.millrace.engine.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Finds {@code sample-data} above the working directory and reads goldens from it. */
public final class SampleData {
  private static final ObjectMapper JSON = new ObjectMapper();

  private SampleData() {}

  public static Path path(String relative) {
    Path start = Path.of(System.getProperty("user.dir")).toAbsolutePath();
    for (Path folder = start; folder != null; folder = folder.getParent()) {
      if (Files.isDirectory(folder.resolve("sample-data"))) {
        return folder.resolve("sample-data").resolve(relative);
      }
    }
    throw new IllegalStateException("no folder above " + start + " holds sample-data");
  }

  /** The lines of a JSONL file; never none, so that no test passes for want of cases. */
  public static List<JsonNode> lines(String relative) throws IOException {
    List<JsonNode> nodes = new ArrayList<>();
    for (String line : Files.readAllLines(path(relative))) {
      if (!line.isBlank()) {
        nodes.add(JSON.readTree(line));
      }
    }
    if (nodes.isEmpty()) {
      throw new IllegalStateException(relative + " holds no case");
    }
    return nodes;
  }

  public static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).intValue();
    }
    return values;
  }
}
