package dev.millrace.jobs.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.converter.Conversion;
import dev.millrace.converter.ConversionSettings;
import dev.millrace.jobs.CommandLineRun;
import dev.millrace.jobs.RepositoryFiles;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchCommandTest {
  @TempDir private static Path folder;
  private static String workspace;

  @BeforeAll
  static void makeUpAModelWithoutATokenizer() throws Exception {
    Path config = RepositoryFiles.sampleData("models/tiny-qwen2.5/config.json");
    workspace = folder.resolve("ws").toString();
    Conversion.ofRandom(1, config, null, null, ConversionSettings.to(Path.of(workspace)));
  }

  private static CommandLineRun bench(String... more) {
    String[] arguments = new String[more.length + 3];
    arguments[0] = "bench";
    arguments[1] = "--workspace";
    arguments[2] = workspace;
    System.arraycopy(more, 0, arguments, 3, more.length);
    return CommandLineRun.millrace(folder.resolve("cache"), arguments);
  }

  @Test
  void printsOneLineThatSaysHowFastAndWhy() throws Exception {
    CommandLineRun run =
        bench("--workload", "sharegpt", "--rows", "3", "--repeat", "2", "--backend", "cpu");

    assertEquals(0, run.exitCode(), run.all());
    assertEquals(1, run.out().lines().count(), run.out());
    JsonNode line = new ObjectMapper().readTree(run.out());
    Workload rows = Workload.of("sharegpt").limitedTo(3);
    assertEquals("sharegpt", line.get("workload").textValue());
    assertEquals(3, line.get("rows").intValue());
    assertEquals(rows.promptTokens(), line.get("prompt_tokens").longValue());
    assertEquals(rows.outputTokens(), line.get("output_tokens").longValue());
    assertEquals(0, line.get("cached_tokens").longValue());
    double seconds = line.get("seconds").doubleValue();
    assertTrue(seconds > 0, line.toString());
    double rate = rows.outputTokens() / seconds;
    assertEquals(rate, line.get("output_tok_s").doubleValue(), 0.02 * rate);
    assertTrue(line.get("backend").textValue().startsWith("cpu-"), line.toString());
    assertEquals("qwen2-11.5m", line.get("model").textValue());
    for (String field : new String[] {"date", "commit", "device", "engine"}) {
      assertFalse(line.get(field).textValue().isBlank(), field);
    }
    assertEquals(2, line.get("runs").size());
    assertEquals(line.at("/runs/0/digest"), line.at("/runs/1/digest"));
    assertEquals(50, line.get("occupancy").size());
    assertEquals(
        rows.outputTokens() - 3 + rows.promptTokens(),
        line.at("/steps/decode/tokens").longValue() + line.at("/steps/mixed/tokens").longValue());
    for (JsonNode entry : line.get("memory")) {
      assertEquals(entry.get("planned_bytes"), entry.get("used_bytes"));
    }
  }

  @Test
  void prefixesAreCachedWhereTheWorkloadSharesThem() throws Exception {
    CommandLineRun run =
        bench("--workload", "shared", "--rows", "9", "--repeat", "2", "--backend", "cpu");

    assertEquals(0, run.exitCode(), run.all());
    JsonNode line = new ObjectMapper().readTree(run.out());
    long cached = line.get("cached_tokens").longValue();
    // row 8 begins as row 2 does, in whole blocks of 64 tokens; no other two rows begin alike
    assertEquals(1500 / 64 * 64, cached, line.toString());
  }

  @Test
  void drawsAreAsOptionsSayAndTheSameEveryTime() throws Exception {
    String[] drawn = {
      "--workload",
      "4x8x16",
      "--repeat",
      "2",
      "--backend",
      "cpu",
      "--temperature",
      "0.7",
      "--top-k",
      "20"
    };

    CommandLineRun run = bench(drawn);
    CommandLineRun greedy = bench(Arrays.copyOf(drawn, 6));

    assertEquals(0, run.exitCode(), run.all());
    JsonNode line = new ObjectMapper().readTree(run.out());
    assertEquals(0.7, line.at("/sampling/temperature").doubleValue());
    assertEquals(20, line.at("/sampling/top_k").intValue());
    assertTrue(line.at("/sampling/logprobs").isNull(), line.toString());
    assertEquals(line.at("/runs/0/digest"), line.at("/runs/1/digest"));
    JsonNode likeliest = new ObjectMapper().readTree(greedy.out());
    assertEquals(0, likeliest.at("/sampling/temperature").doubleValue());
    assertNotEquals(likeliest.at("/runs/0/digest"), line.at("/runs/0/digest"));
  }

  @Test
  void drawsOutOfRangeAreAUsageError() {
    CommandLineRun run = bench("--workload", "4x8x16", "--backend", "cpu", "--top-p", "1.5");

    assertEquals(2, run.exitCode(), run.all());
    assertTrue(run.err().contains("top_p: expected above 0, at most 1"), run.err());
  }

  @Test
  void unknownWorkloadIsAUsageError() {
    CommandLineRun run = bench("--workload", "chat");

    assertEquals(2, run.exitCode(), run.all());
    assertTrue(run.err().contains("--workload: expected one of [sharegpt"), run.err());
  }

  @Test
  void verbsOfTheCpuAreNotTimed() {
    CommandLineRun run =
        bench("--workload", "1k1k", "--rows", "1", "--profile", "5", "--backend", "cpu");

    assertEquals(2, run.exitCode(), run.all());
    assertTrue(run.err().contains("--profile: expected"), run.err());
  }

  @Test
  void tooShortAContextFailsWithTheRow() {
    CommandLineRun run =
        bench("--workload", "2k128", "--rows", "1", "--max-model-len", "512", "--backend", "cpu");

    assertEquals(1, run.exitCode(), run.all());
    assertTrue(run.err().contains("row-0"), run.err());
    assertEquals("", run.out());
  }
}
