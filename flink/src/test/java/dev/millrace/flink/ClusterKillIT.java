package dev.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/** One job that is killed twenty times: its engines, workers, JobManager and clients. */
@Tag("cluster-long")
@Timeout(2400)
final class ClusterKillIT {
  private static final int KILLS = 20;
  private static final int RETRYABLE = 75;
  private static final long KILL_MILLIS = 500; // that engines may work while others are killed
  private static final long ENGINE_WITHIN_SECONDS = 120;

  @TempDir(cleanup = CleanupMode.ON_SUCCESS)
  private Path folder;

  private enum Victim {
    ENGINE,
    WORKER,
    JOB_MANAGER,
    CLIENT
  }

  private Process client(Path input, Cluster cluster, Path tests, Path log) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xmx256m",
            "-cp",
            Client.classPath(),
            EchoClientMain.class.getName(),
            input.toString(),
            folder.resolve("out").toString(),
            folder.resolve("engines.log").toString(),
            cluster.master(),
            Cluster.clusterJar().toString(),
            tests.toString())
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
        .start();
  }

  @Test
  void whateverIsKilledEveryRowComesOutOnce() throws Exception {
    long seed = Long.getLong("tests.seed", System.nanoTime());
    System.out.println("seed of the kills: " + seed);
    Random random = new Random(seed);
    int[] sleeps = random.ints(KILLS, 1_000, 3_000).toArray();
    long busyMillis = IntStream.of(sleeps).sum() + KILLS * KILL_MILLIS;
    int rows = (int) (busyMillis * 1_000 * EchoClientMain.ENGINES / EchoClientMain.REQUEST_MICROS);
    Path input = folder.resolve("in.jsonl");
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      lines.add("{\"n\":" + i + ",\"prompt\":\"question " + i + "\"}");
    }
    Files.write(input, lines);
    Path log = folder.resolve("clients.log");
    Map<Victim, Integer> killed = new EnumMap<>(Victim.class);
    List<Victim> victims = List.of(Victim.values());
    try (Cluster cluster = Cluster.start(folder.resolve("cluster"))) {
      Path tests = Cluster.testsJar(folder);
      Process client = client(input, cluster, tests, log);
      for (int kill = 0; kill < KILLS; kill++) {
        Thread.sleep(sleeps[kill]);
        assertFalse(!client.isAlive() && client.exitValue() == 0, "the job was over too soon");
        Victim victim = victims.get(kill % victims.size());
        kill(victim, cluster, client, random);
        killed.merge(victim, 1, Integer::sum);
        cluster.up();
        if (!client.isAlive()) {
          assertTrue(
              victim == Victim.CLIENT || client.exitValue() == RETRYABLE,
              () -> victim + ": " + tail(log));
          client = client(input, cluster, tests, log);
        }
      }
      for (int tries = 0; client.waitFor() != 0; tries++) {
        assertEquals(RETRYABLE, client.exitValue(), tail(log));
        assertTrue(tries < KILLS, tail(log));
        client = client(input, cluster, tests, log);
      }
    }
    List<Long> loads = EchoEngineFactory.processes(folder.resolve("engines.log"));
    System.out.printf("killed: %s; %d engines were opened%n", killed, loads.size());
    assertEveryRowOnce(rows);
    int crashes = killed.get(Victim.ENGINE) + killed.get(Victim.WORKER);
    assertTrue(loads.size() <= crashes + 2, "engines opened: " + loads.size());
  }

  private static void kill(Victim victim, Cluster cluster, Process client, Random random)
      throws IOException, InterruptedException {
    String worker = "worker-" + (1 + random.nextInt(2));
    switch (victim) {
      case ENGINE -> awaitEngine(cluster).destroyForcibly();
      case WORKER -> cluster.kill(worker);
      case JOB_MANAGER -> cluster.kill("jobmanager");
      default -> client.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
    }
  }

  /** After other kills the engines may not be there yet. */
  private static ProcessHandle awaitEngine(Cluster cluster)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(ENGINE_WITHIN_SECONDS);
    while (System.nanoTime() < deadline) {
      for (String worker : List.of("worker-1", "worker-2")) {
        List<ProcessHandle> engines = cluster.process(worker).children().toList();
        if (!engines.isEmpty()) {
          return engines.get(0);
        }
      }
      Thread.sleep(100);
    }
    throw new AssertionError(
        "no worker has an engine after "
            + ENGINE_WITHIN_SECONDS
            + " s; see the logs in "
            + cluster.configuration().resolveSibling("log"));
  }

  private static String tail(Path log) {
    try {
      String text = Files.readString(log);
      return text.substring(Math.max(0, text.length() - 2000));
    } catch (IOException e) {
      return e.toString();
    }
  }

  private void assertEveryRowOnce(int rows) throws IOException {
    ObjectMapper json = new ObjectMapper();
    BitSet seen = new BitSet(rows);
    for (String line : Files.readAllLines(folder.resolve("out/in.jsonl"))) {
      JsonNode row = json.readTree(line);
      int n = row.get("n").asInt();
      assertFalse(seen.get(n), () -> "row " + n + " stands twice");
      seen.set(n);
      assertEquals("echo:question " + n, row.get("output").asText());
    }
    assertEquals(rows, seen.cardinality());
    assertTrue(Files.exists(folder.resolve("out/_SUCCESS")));
  }
}
