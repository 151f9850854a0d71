package dev.millrace.jobs.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.jobs.CommandLineRun;
import dev.millrace.jobs.RepositoryFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole jobs against the float32 answers of transformers: every token of every row. */
class GoldenJobsTest {
  private static final int ROWS = 200;

  /** Shared by all tests of the class, so that each model is converted once. */
  @TempDir private static Path cache;

  @TempDir private Path folder;

  private CommandLineRun runJob(String... arguments) {
    CommandLineRun run = CommandLineRun.runJob(cache, arguments);
    assertEquals(0, run.exitCode(), run.all());
    return run;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4})
  void samplePromptsGetTheGoldenAnswersOnEveryRankCount(int ranks) throws IOException {
    String output = folder.resolve("out").toString();

    CommandLineRun run =
        runJob(
            "--input",
            RepositoryFiles.sampleData("prompts.parquet").toString(),
            "--output",
            output,
            "--output-format",
            "jsonl",
            "--output-token-ids",
            "--tp",
            String.valueOf(ranks));

    List<JsonNode> goldens = JsonRows.read(RepositoryFiles.sampleData("golden/prompts.jsonl"));
    List<JsonNode> rows = JsonRows.read(folder.resolve("out/prompts.jsonl"));
    assertEquals(ROWS, rows.size());
    for (int i = 0; i < ROWS; i++) {
      assertSame(goldens.get(i), rows.get(i), "row " + i);
    }
    assertTrue(Files.exists(folder.resolve("out/_SUCCESS")));
    assertTrue(run.out().contains("200 in = 200 completed + 0 failed"), run.out());
    assertEquals(ranks, reported().at("/engine/ranks").asInt());
  }

  @ParameterizedTest
  @CsvSource({"tiny-qwen2.5, 2", "tiny-qwen2.5-awq, 1", "tiny-qwen2.5-gptq, 4"})
  void conversationsGetTheGoldenAnswersOfTheirCheckpoint(String model, int ranks)
      throws IOException {
    List<JsonNode> goldens =
        JsonRows.read(RepositoryFiles.sampleData("golden/" + model + ".jsonl"));
    List<ObjectNode> input = new ArrayList<>();
    for (JsonNode golden : goldens) {
      ObjectNode row = JsonRows.row();
      row.set("messages", golden.get("messages"));
      input.add(row);
    }
    Path file = JsonRows.write(folder.resolve("chats.jsonl"), input);

    runJob(
        "--input",
        file.toString(),
        "--model",
        RepositoryFiles.sampleData("models/" + model).toString(),
        "--tp",
        String.valueOf(ranks),
        "--batch-size",
        "3",
        "--output-token-ids",
        "--output",
        folder.resolve("out").toString());

    List<JsonNode> rows = JsonRows.read(folder.resolve("out/chats.jsonl"));
    assertEquals(goldens.size(), rows.size());
    for (int i = 0; i < rows.size(); i++) {
      assertSame(goldens.get(i), rows.get(i), model + " row " + i);
    }
  }

  /** Rendered elsewhere, as transformers' apply_chat_template(tokenize=False) writes them. */
  @Test
  void renderedPromptsGetTheAnswersOfTheirConversations() throws IOException {
    List<JsonNode> goldens =
        JsonRows.read(RepositoryFiles.sampleData("golden/tiny-qwen2.5.jsonl")).subList(0, 16);
    List<ObjectNode> input = new ArrayList<>();
    for (JsonNode golden : goldens) {
      StringBuilder prompt = new StringBuilder();
      for (JsonNode message : golden.get("messages")) {
        prompt.append("<|im_start|>").append(message.get("role").asText()).append('\n');
        prompt.append(message.get("content").asText()).append("<|im_end|>\n");
      }
      input.add(JsonRows.row().put("prompt", prompt.append("<|im_start|>assistant\n").toString()));
    }
    Path file = JsonRows.write(folder.resolve("rendered.jsonl"), input);
    List<String> job =
        List.of("--input", file.toString(), "--output-token-ids", "--raw-prompt", "--output");

    runJob(with(job, folder.resolve("out").toString(), "--parse-special-tokens"));
    runJob(with(job, folder.resolve("text").toString()));

    List<JsonNode> rows = JsonRows.read(folder.resolve("out/rendered.jsonl"));
    List<JsonNode> asText = JsonRows.read(folder.resolve("text/rendered.jsonl"));
    for (int i = 0; i < goldens.size(); i++) {
      assertSame(goldens.get(i), rows.get(i), "row " + i);
      assertNotEquals(goldens.get(i).get("text"), asText.get(i).get("output"), "row " + i);
    }
  }

  private static String[] with(List<String> arguments, String... more) {
    List<String> all = new ArrayList<>(arguments);
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  private static void assertSame(JsonNode golden, JsonNode row, String where) {
    assertEquals(
        JsonRows.integers(golden.get("token_ids")),
        JsonRows.integers(row.get("output_token_ids")),
        where);
    assertEquals(golden.get("text").asText(), row.get("output").asText(), where);
  }

  private JsonNode reported() throws IOException {
    return new ObjectMapper().readTree(folder.resolve("out/report.json").toFile());
  }

  @Test
  void aSecondRunOfADoneJobComputesNothing() throws IOException {
    String[] job = {
      "--input",
      RepositoryFiles.sampleData("messages.jsonl").toString(),
      "--output",
      folder.resolve("out").toString()
    };
    runJob(job);
    byte[] before = Files.readAllBytes(folder.resolve("out/messages.jsonl"));
    JsonNode reportBefore = reported();

    CommandLineRun again = runJob(job);

    assertTrue(again.out().contains("20 kept from an earlier run"), again.out());
    assertEquals(
        new String(before, java.nio.charset.StandardCharsets.UTF_8),
        Files.readString(folder.resolve("out/messages.jsonl")));
    assertEquals(reportBefore, reported());
  }

  @Test
  void aChangedSettingIsRefusedByNameAndTakenAfresh() throws IOException {
    List<String> job =
        List.of(
            "--input",
            RepositoryFiles.sampleData("messages.jsonl").toString(),
            "--output",
            folder.resolve("out").toString());
    runJob(job.toArray(String[]::new));
    List<String> changed = new ArrayList<>(job);
    changed.addAll(List.of("--max-tokens", "3"));

    CommandLineRun refused = CommandLineRun.runJob(cache, changed.toArray(String[]::new));

    assertEquals(2, refused.exitCode(), refused.all());
    assertTrue(refused.err().contains("max_tokens"), refused.err());
    changed.add("--no-resume");
    runJob(changed.toArray(String[]::new));
    for (JsonNode row : JsonRows.read(folder.resolve("out/messages.jsonl"))) {
      assertTrue(row.at("/output_meta/output_tokens").asInt() <= 3, row.toString());
    }
  }

  @Test
  void openAiBatchLinesComeBackAsResponseLines() throws IOException {
    runJob(
        "--input",
        RepositoryFiles.sampleData("batch.jsonl").toString(),
        "--output",
        folder.resolve("out").toString());

    List<JsonNode> goldens = JsonRows.read(RepositoryFiles.sampleData("golden/tiny-qwen2.5.jsonl"));
    List<JsonNode> rows = JsonRows.read(folder.resolve("out/batch.jsonl"));
    assertEquals(20, rows.size());
    for (int i = 0; i < rows.size(); i++) {
      assertEquals(200, rows.get(i).at("/response/status_code").asInt(), rows.get(i).toString());
      assertEquals(
          goldens.get(i).get("text").asText(),
          rows.get(i).at("/response/body/choices/0/message/content").asText());
    }
  }

  @Test
  void dryRunCountsTokensAndGeneratesNothing() {
    CommandLineRun run =
        runJob(
            "--input",
            RepositoryFiles.sampleData("prompts.parquet").toString(),
            "--output",
            folder.resolve("out").toString(),
            "--max-tokens",
            "64",
            "--tp",
            "2",
            "--dry-run");

    assertTrue(run.out().startsWith("Plan; nothing was generated."), run.out());
    assertTrue(run.out().contains("weights"), run.out());
    assertTrue(run.out().contains("3 does not divide 8 query heads"), run.out());
    assertTrue(run.out().contains("It fits."), run.out());
    assertTrue(Files.notExists(folder.resolve("out/prompts.parquet")));
  }

  @Test
  void aCacheThatDoesNotFitIsToldByThePlanAndByTheJobWithItsExitCode() {
    String[] job = {
      "--input",
      RepositoryFiles.sampleData("prompts.jsonl").toString(),
      "--output",
      folder.resolve("out").toString(),
      "--kv-cache",
      "900TiB"
    };
    String[] plan = java.util.Arrays.copyOf(job, job.length + 1);
    plan[job.length] = "--dry-run";

    CommandLineRun planned = CommandLineRun.runJob(cache, plan);
    CommandLineRun run = CommandLineRun.runJob(cache, job);

    assertEquals(4, planned.exitCode(), planned.all());
    assertTrue(planned.out().contains("It does not fit: "), planned.out());
    assertEquals(4, run.exitCode(), run.all());
  }

  @Test
  void rankCountThatDoesNotDivideIsRefusedWithThoseThatDo() {
    CommandLineRun run =
        CommandLineRun.runJob(
            cache,
            "--input",
            RepositoryFiles.sampleData("prompts.jsonl").toString(),
            "--output",
            folder.resolve("out").toString(),
            "--tp",
            "3");

    assertEquals(2, run.exitCode(), run.all());
    assertTrue(run.err().contains("--tp: expected one of [1, 2, 4, 8]"), run.err());
    assertTrue(run.err().contains("3 does not divide 8 query heads"), run.err());
  }
}
