package dev.millrace.jobs.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.jobs.CommandLineRun;
import dev.millrace.jobs.RepositoryFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;

/** Jobs that are killed, terminated or started twice lose nothing and do nothing twice. */
class KilledJobIT {
  private static final int KILLS = 30;
  private static final int ROWS = 301;

  @TempDir private static Path cache;
  @TempDir private Path folder;

  /** The sample prompts over and over, made distinct, with some rows that must fail. */
  private Path input() throws IOException {
    List<JsonNode> prompts = JsonRows.read(RepositoryFiles.sampleData("prompts.jsonl"));
    List<ObjectNode> rows = new ArrayList<>();
    for (int i = 0; i < ROWS; i++) {
      String prompt = prompts.get(i % prompts.size()).get("prompt").asText();
      ObjectNode row = JsonRows.row().put("id", "row-" + i);
      rows.add(i % 97 == 5 ? row.putNull("prompt") : row.put("prompt", prompt + " (" + i + ")"));
    }
    return JsonRows.write(folder.resolve("rows.jsonl"), rows);
  }

  private static List<String> job(Path input, Path output) {
    return List.of(
        "--input",
        input.toString(),
        "--output",
        output.toString(),
        "--max-tokens",
        "8",
        "--temperature",
        "0.8",
        "--chunk-rows",
        "32",
        "--id-column",
        "id",
        "--allowed-failures",
        "5%");
  }

  private JobProcess start(Path output, Path input) throws IOException {
    return JobProcess.start(cache, folder.resolve("log.txt"), job(input, output));
  }

  @Test
  void thirtyKillsInARowLoseNoRowDoubleNoneAndChangeNone() throws Exception {
    long seed = Long.getLong("tests.seed", new Random().nextLong());
    Random random = new Random(seed);
    String reproduce = "-Dtests.seed=" + seed;
    Path input = input();
    CommandLineRun undisturbed =
        CommandLineRun.runJob(
            cache, job(input, folder.resolve("undisturbed")).toArray(String[]::new));
    assertEquals(0, undisturbed.exitCode(), undisturbed.all());

    // The undisturbed time of a child, so that kills fall anywhere in a job.
    Path killedOutput = folder.resolve("killed");
    long longestMillis = 4000;
    int kills = 0;
    int finished = 0;
    while (kills < KILLS) {
      JobProcess process = start(killedOutput, input);
      if (process.endsWithin(200 + random.nextLong(longestMillis))) {
        assertEquals(0, process.await(), reproduce + "\n" + process.printed());
        finished++;
        // done before the 30th kill: begin another job, so that every kill meets a job at work
        assertSameOutput(killedOutput, reproduce);
        killedOutput = folder.resolve("killed-" + finished);
      } else {
        process.kill();
        kills++;
      }
    }
    JobProcess last = start(killedOutput, input);
    assertEquals(0, last.await(), reproduce + "\n" + last.printed());

    assertSameOutput(killedOutput, reproduce);
  }

  private void assertSameOutput(Path output, String reproduce) throws IOException {
    List<JsonNode> expected = JsonRows.read(folder.resolve("undisturbed/rows.jsonl"));
    List<JsonNode> rows = JsonRows.read(output.resolve("rows.jsonl"));
    Set<String> ids = new HashSet<>();
    int failed = 0;
    for (JsonNode row : rows) {
      assertTrue(ids.add(row.get("id").asText()), row + " stands twice, " + reproduce);
      failed += row.get("output_error").isNull() ? 0 : 1;
    }
    assertEquals(ROWS, rows.size(), reproduce);
    assertEquals((ROWS - 5 + 96) / 97, failed, reproduce);
    for (int i = 0; i < ROWS; i++) {
      assertEquals(
          withoutCachedTokens(expected.get(i)),
          withoutCachedTokens(rows.get(i)),
          "row " + i + ", " + reproduce);
    }
    assertTrue(Files.exists(output.resolve("_SUCCESS")), reproduce);
  }

  /** How much of a prompt came from the cache depends on what was computed before it. */
  private static JsonNode withoutCachedTokens(JsonNode row) {
    ObjectNode copy = row.deepCopy();
    ((ObjectNode) copy.get("output_meta")).remove("cached_tokens");
    return copy;
  }

  @Test
  void aTerminatedJobEndsCleanlyAndTheSameCommandFinishesIt() throws Exception {
    Path input = input();
    Path output = folder.resolve("out");
    JobProcess process = start(output, input);
    awaitWork(process, output);

    process.terminate();

    assertEquals(130, process.await(), process.printed());
    assertTrue(process.printed().contains("Run the same command again"), process.printed());
    JobProcess again = start(output, input);
    assertEquals(0, again.await(), again.printed());
    assertEquals(ROWS, Files.readAllLines(output.resolve("rows.jsonl")).size());
  }

  @Test
  void aSecondJobOnTheSameOutputIsRefusedAndTheFirstFinishes(TestInfo test) throws Exception {
    Path input = input();
    Path output = folder.resolve("out");
    JobProcess first = start(output, input);
    awaitWork(first, output);

    try {
      first.signal("STOP"); // it runs until the other has met it, however long that takes to start
      JobProcess second = JobProcess.start(cache, folder.resolve("second.txt"), job(input, output));
      assertEquals(2, second.await(), test.getDisplayName() + "\n" + second.printed());
      first.signal("CONT");
      assertEquals(0, first.await(), first.printed());
    } finally {
      first.kill(); // one that is stopped would stay for ever
    }
    assertEquals(
        ROWS,
        Files.readString(output.resolve("rows.jsonl"), StandardCharsets.UTF_8).lines().count());
  }

  /** Waits until the job has begun to generate. */
  private static void awaitWork(JobProcess process, Path output) throws Exception {
    Path journals = output.resolve("_millrace/journals");
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(180);
    while (System.nanoTime() < deadline && process.isAlive()) {
      if (Files.isDirectory(journals)) {
        return;
      }
      Thread.sleep(50);
    }
    throw new AssertionError("The job did not begin to generate:\n" + process.printed());
  }
}
