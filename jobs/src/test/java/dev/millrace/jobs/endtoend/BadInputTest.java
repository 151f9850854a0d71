package dev.millrace.jobs.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.jobs.CommandLineRun;
import dev.millrace.jobs.RepositoryFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Input that is wrong as a whole ends the job with exit code 2; a row that is wrong fails alone.
 */
class BadInputTest {
  @TempDir private static Path cache;
  @TempDir private Path folder;

  private CommandLineRun run(Path input, String... more) {
    List<String> arguments =
        new java.util.ArrayList<>(
            List.of(
                "--input",
                input.toString(),
                "--output",
                folder.resolve("out").toString(),
                "--max-tokens",
                "4"));
    arguments.addAll(List.of(more));
    return CommandLineRun.runJob(cache, arguments.toArray(String[]::new));
  }

  private void assertRefused(CommandLineRun run, String... words) {
    assertEquals(2, run.exitCode(), run.all());
    for (String word : words) {
      assertTrue(run.err().contains(word), "'" + word + "' is missing in\n" + run.err());
    }
    assertFalse(run.err().contains("\tat "), run.err());
    assertTrue(Files.notExists(folder.resolve("out/_SUCCESS")));
  }

  @Test
  void inputThatIsNotThereIsRefused() {
    assertRefused(run(folder.resolve("none.parquet")), "none.parquet");
  }

  @Test
  void truncatedParquetIsRefused() throws IOException {
    byte[] whole = Files.readAllBytes(RepositoryFiles.sampleData("prompts.parquet"));
    Path cut = folder.resolve("cut.parquet");
    Files.write(cut, Arrays.copyOf(whole, whole.length / 2));

    assertRefused(run(cut), "cut.parquet");
  }

  @Test
  void fileWithTheWrongMagicIsRefused() throws IOException {
    Path wrong = Files.write(folder.resolve("wrong.parquet"), new byte[] {1, 2, 3, 4, 5, 6, 7, 8});

    assertRefused(run(wrong), "wrong.parquet");
  }

  @Test
  void missingColumnIsRefusedWithThoseThereAre() {
    Path prompts = RepositoryFiles.sampleData("prompts.parquet");

    assertRefused(run(prompts, "--prompt-column", "question"), "question", "expected", "prompt");
  }

  @Test
  void inputOfNoRowsIsDoneAtOnce() throws IOException {
    Path empty = Files.writeString(folder.resolve("empty.jsonl"), "");

    CommandLineRun run = run(empty);

    assertEquals(0, run.exitCode(), run.all());
    assertTrue(run.out().contains("0 in = 0 completed + 0 failed"), run.out());
  }

  @Test
  void badRowsFailAloneWithTheirReasonAndTheFailuresAreValidInput() throws IOException {
    String longPrompt = "word ".repeat(5000);
    byte[] start =
        ("{\"prompt\": \"What is 1 + 1?\"}\n{\"prompt\": null}\nnot json\n{\"prompt\": \""
                + longPrompt
                + "\"}\n{\"prompt\": \"a")
            .getBytes(StandardCharsets.UTF_8);
    byte[] input = Arrays.copyOf(start, start.length + 4);
    input[start.length] = (byte) 0xff;
    input[start.length + 1] = '"';
    input[start.length + 2] = '}';
    input[start.length + 3] = '\n';
    Path file = Files.write(folder.resolve("rows.jsonl"), input);

    CommandLineRun run = run(file);

    assertEquals(3, run.exitCode(), run.all());
    assertTrue(run.out().contains("5 in = 1 completed + 4 failed"), run.out());
    for (String reason : List.of("PROMPT_NULL", "ROW_INVALID", "PROMPT_TOO_LONG")) {
      assertTrue(run.out().contains("failed: " + reason), reason + " in\n" + run.out());
    }
    JsonNode first = JsonRows.read(folder.resolve("out/rows.jsonl")).get(0);
    assertTrue(first.get("output_error").isNull(), first.toString());
  }

  @Test
  void allowedFailuresMakeTheSameRowsASuccess() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("rows.jsonl"), "{\"prompt\": \"Hello\"}\n{\"prompt\": null}\n");

    CommandLineRun run = run(file, "--allowed-failures", "50%");

    assertEquals(0, run.exitCode(), run.all());
    assertTrue(run.out().contains("2 in = 1 completed + 1 failed"), run.out());
  }

  @Test
  void outputThatIsAFileIsRefused() throws IOException {
    Files.writeString(folder.resolve("out"), "in the way");

    CommandLineRun run = run(RepositoryFiles.sampleData("prompts.jsonl"));

    assertEquals(2, run.exitCode(), run.all());
    assertTrue(run.err().contains("out"), run.err());
  }

  @Test
  void tokensThatTheModelDoesNotKnowAreRefusedBeforeAnythingIsStaged() {
    Path prompts = RepositoryFiles.sampleData("prompts.jsonl");

    assertRefused(
        run(prompts, "--dry-run", "--stop-token-ids", "2,1000000"),
        "--stop-token-ids: expected token ids from 0 to ",
        "found 1000000");
    assertRefused(
        run(prompts, "--logit-bias", "1000000=5"), "--logit-bias: expected", "found 1000000");
    assertTrue(Files.notExists(folder.resolve("out")));
  }

  @Test
  void damagedWorkspaceIsRefused() throws IOException {
    Path workspace = Files.createDirectory(folder.resolve("ws"));
    Files.writeString(workspace.resolve("manifest.json"), "{}");

    assertRefused(
        run(RepositoryFiles.sampleData("prompts.jsonl"), "--workspace", workspace.toString()),
        "manifest");
  }
}
