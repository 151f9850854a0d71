package dev.millrace.cuda;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.model.StepDriver;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Holds a converted model against its goldens on GPUs: {@code CudaTrial WORKSPACE GOLDEN.jsonl
 * DEVICES BATCH}. Prints the share of rows with the same greedy tokens and, of every other row, by
 * how much the golden token was behind at the first difference.
 */
final class CudaTrial {
  private CudaTrial() {}

  public static void main(String[] arguments) throws IOException {
    List<Integer> devices =
        Arrays.stream(arguments[2].split(",", -1)).map(Integer::valueOf).toList();
    int batch = Integer.parseInt(arguments[3]);
    List<JsonNode> rows = read(Path.of(arguments[1]));
    EngineSettings settings =
        new EngineSettings(
            "cuda", devices.size(), batch, Math.max(512, batch), 0, 0, true, 0, 60_000);
    try (Workspace workspace = Workspace.open(Path.of(arguments[0]));
        CudaExecutor executor = CudaExecutor.open(workspace, settings, devices)) {
      Set<Integer> ends = new HashSet<>(workspace.manifest().generation().eosTokenIds());
      List<StepDriver.Task> tasks = new ArrayList<>();
      for (JsonNode row : rows) {
        int[] golden = ints(row.get("token_ids"));
        tasks.add(new StepDriver.Task(ints(row.get("prompt_token_ids")), golden.length, ends));
      }
      StepDriver driver = new StepDriver(executor, settings.stepTokensMax());
      long start = System.nanoTime();
      List<StepDriver.Generated> generated = driver.generate(tasks, batch, 64);
      double seconds = (System.nanoTime() - start) / 1e9;
      report(arguments, rows, generated, driver, seconds);
    }
  }

  private static void report(
      String[] arguments,
      List<JsonNode> rows,
      List<StepDriver.Generated> generated,
      StepDriver driver,
      double seconds) {
    int same = 0;
    double worst = 0;
    StringBuilder differences = new StringBuilder();
    for (int i = 0; i < rows.size(); i++) {
      int[] golden = ints(rows.get(i).get("token_ids"));
      int[] found = generated.get(i).tokenIds();
      int at = Arrays.mismatch(golden, found);
      if (at < 0) {
        same++;
        worst =
            Math.max(
                worst,
                Math.abs(
                    generated.get(i).cumulativeLogprob()
                        - rows.get(i).get("cum_logprob").asDouble()));
      } else {
        differences.append(
            " row %d at %d margin %.4f;"
                .formatted(i, at, margin(rows.get(i), golden, found, at, driver)));
      }
    }
    System.out.printf(
        "%s devices %s batch %s: %d of %d rows as the golden, cumulative log-probability within %.4f, %.1f s;%s%n",
        Path.of(arguments[1]).getFileName(),
        arguments[2],
        arguments[3],
        same,
        rows.size(),
        worst,
        seconds,
        differences);
  }

  /** How much likelier our token is than the golden one, both after the same tokens. */
  private static double margin(JsonNode row, int[] golden, int[] found, int at, StepDriver driver) {
    if (at >= golden.length || at >= found.length) {
      return Double.NaN;
    }
    int[] prompt = ints(row.get("prompt_token_ids"));
    int[] ours = Arrays.copyOf(prompt, prompt.length + at + 1);
    System.arraycopy(golden, 0, ours, prompt.length, at);
    int[] theirs = ours.clone();
    ours[ours.length - 1] = found[at];
    theirs[theirs.length - 1] = golden[at];
    float[] a = driver.score(ours, 64);
    float[] b = driver.score(theirs, 64);
    return a[a.length - 1] - b[b.length - 1];
  }

  private static List<JsonNode> read(Path file) throws IOException {
    ObjectMapper json = new ObjectMapper();
    List<JsonNode> rows = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      if (!line.isBlank()) {
        rows.add(json.readTree(line));
      }
    }
    return rows;
  }

  private static int[] ints(JsonNode array) {
    int[] values = new int[array.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = array.get(i).asInt();
    }
    return values;
  }
}
