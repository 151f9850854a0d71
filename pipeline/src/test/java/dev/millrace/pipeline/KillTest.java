package dev.millrace.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Jobs in processes of their own: killed outright, and started twice on one folder. */
final class KillTest {
  private static final int ROWS = 1500;

  @TempDir private Path folder;

  private Path input() throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < ROWS; i++) {
      lines.add(
          "{'n':" + i + ",'prompt':'row " + i % 1400 + (i % 50 == 7 ? " DEADLINE" : "") + "'}");
    }
    return Jobs.lines(folder.resolve("in.jsonl"), lines.toArray(String[]::new));
  }

  private Process start(Path input, Path output, long requestNanos) throws IOException {
    String classPath =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "-XX:TieredStopAtLevel=1",
            "-Xmx256m",
            "-cp",
            classPath,
            KilledJobMain.class.getName(),
            input.toString(),
            output.toString(),
            Long.toString(requestNanos))
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(folder.resolve("log").toFile()))
        .start();
  }

  private boolean has(Path parent, String suffix) throws IOException {
    if (!Files.isDirectory(parent)) {
      return false;
    }
    try (Stream<Path> files = Files.list(parent)) {
      return files.anyMatch(f -> f.toString().endsWith(suffix));
    }
  }

  /** The job is at something on its way, or past it: what is there briefly may go unseen. */
  private interface Moment {
    boolean reached() throws IOException;
  }

  @Test
  @Timeout(900)
  void aJobKilledAtEveryStageLosesAndRepeatsNoRow() throws Exception {
    long seed = Long.getLong("tests.seed", System.nanoTime());
    System.out.println("KillTest seed " + seed + " (-Dtests.seed=" + seed + ")");
    Random random = new Random(seed);
    Path input = input();
    Path work = folder.resolve("out/_millrace");
    Path journals = work.resolve("journals");
    List<Moment> moments =
        List.of(
            () -> Files.exists(work.resolve("lock")),
            () -> Files.exists(work.resolve(".stage.tmp")) || Files.exists(work.resolve("stage")),
            () -> Files.exists(work.resolve("stage")),
            () -> has(journals, ".log") || has(journals, ".journal"),
            () -> has(journals, ".journal"),
            () -> Files.exists(work.resolve("files")));
    int killed = 0;
    for (Moment moment : moments) {
      Process job = start(input, folder.resolve("out"), 1_000_000);
      while (job.isAlive() && !moment.reached()) {
        Thread.sleep(1);
      }
      job.waitFor(random.nextInt(200), TimeUnit.MILLISECONDS);
      killed += job.isAlive() ? 1 : 0;
      job.destroyForcibly().waitFor();
    }
    assertTrue(killed >= moments.size() - 1, "killed " + killed + " times");

    assertEquals(0, start(input, folder.resolve("out"), 0).waitFor(), log());
    assertEquals(0, start(input, folder.resolve("reference"), 0).waitFor(), log());

    String rows = Files.readString(folder.resolve("out/in.jsonl"));
    assertEquals(ROWS, rows.lines().count());
    assertEquals(Files.readString(folder.resolve("reference/in.jsonl")), rows);
    assertEquals(
        Files.readString(folder.resolve("reference/_failures/in.jsonl")),
        Files.readString(folder.resolve("out/_failures/in.jsonl")));
  }

  private String log() throws IOException {
    return Files.readString(folder.resolve("log"));
  }

  @Test
  @Timeout(400)
  void aSecondProcessOnTheFolderIsRefusedAndToldWhoHoldsIt() throws Exception {
    Path input = input();
    Process first = start(input, folder.resolve("out"), 50_000_000);
    try {
      while (first.isAlive() && !Files.exists(folder.resolve("out/_millrace/stage"))) {
        Thread.sleep(5);
      }

      Process second = start(input, folder.resolve("out"), 0);

      assertEquals(2, second.waitFor(), log());
      assertTrue(log().contains("held by process " + first.pid() + " on "), log());
    } finally {
      first.destroyForcibly().waitFor();
    }
  }
}
