package dev.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.converter.Conversion;
import dev.millrace.converter.ConversionSettings;
import dev.millrace.pipeline.BatchJob;
import dev.millrace.pipeline.flink.FlinkSettings;
import dev.millrace.pipeline.host.HostSettings;
import dev.millrace.pipeline.host.ProcessEngineFactory;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.JobListener;
import dev.millrace.pipeline.job.JobProgress;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.JobStage;
import dev.millrace.pipeline.job.OutputSettings;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Jobs on a real JobManager and two TaskManager processes. */
@Tag("cluster")
@Timeout(900)
final class ClusterIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int CHUNK_ROWS = 2048;
  private static final long ERRORS_WITHIN_SECONDS = 240;

  /** Less than the two minutes that an engine lingers if it is told nothing. */
  private static final long ENDS_WITHIN_SECONDS = 100;

  @TempDir private static Path shared;
  private static Cluster cluster;
  private static Path tests;

  @TempDir private Path folder;

  @BeforeAll
  static void startCluster() throws IOException, InterruptedException {
    cluster = Cluster.start(shared);
    tests = Cluster.testsJar(shared);
    System.setProperty("millrace.cluster.jar", Cluster.clusterJar().toString());
  }

  @AfterAll
  static void stopClusterAndFindNothingLeft() throws IOException {
    List<ProcessHandle> engines;
    try {
      engines = engines();
    } finally {
      cluster.close();
    }
    for (ProcessHandle engine : engines) {
      engine.onExit().orTimeout(ENDS_WITHIN_SECONDS, TimeUnit.SECONDS).join();
    }
    try (Stream<Path> left = Files.walk(cluster.run())) {
      assertEquals(
          List.of(),
          left.map(Path::toString).filter(path -> path.endsWith(".sock")).toList(),
          "sockets left behind");
    }
  }

  /** Engine processes of the cluster's workers. */
  private static List<ProcessHandle> engines() throws IOException {
    return Stream.concat(
            cluster.process("worker-1").children(), cluster.process("worker-2").children())
        .toList();
  }

  private static HostSettings host() {
    return HostSettings.defaults()
        .withLinger(Duration.ofSeconds(150))
        .withJvmOptions(List.of("-Xmx96m", "-XX:+UseSerialGC"));
  }

  private static EngineFactory hosted(EchoEngineFactory factory) {
    return new ProcessEngineFactory(factory, host());
  }

  private static FlinkSettings flink(int parallelism) {
    return new FlinkSettings(
        cluster.master(), parallelism, List.of(Cluster.clusterJar().toString(), tests.toString()));
  }

  private JobSettings job(String name, int rows) throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      lines.add("{\"n\":" + i + ",\"prompt\":\"question " + i + "\"}");
    }
    Path input = Files.write(folder.resolve(name + ".jsonl"), lines);
    return JobSettings.of(
        List.of(input.toString()), OutputSettings.to(folder.resolve(name + "-out")));
  }

  /** Each row once, with its own answer. */
  private void assertEveryRowOnce(String name, int rows) throws IOException {
    BitSet seen = new BitSet(rows);
    Path output = folder.resolve(name + "-out").resolve(name + ".jsonl");
    try (BufferedReader lines = Files.newBufferedReader(output)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        JsonNode row = JSON.readTree(line);
        int n = row.get("n").asInt();
        assertFalse(seen.get(n), () -> "row " + n + " stands twice");
        seen.set(n);
        assertEquals("echo:question " + n, row.get("output").asText());
      }
    }
    assertEquals(rows, seen.cardinality());
  }

  @Test
  void theSampleJobGivesTheBytesOfTheDirectRunner() throws IOException, InterruptedException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 120; i++) {
      lines.add("{\"n\":" + i + ",\"prompt\":\"What is " + i + " plus " + i % 7 + "?\"}");
    }
    Files.write(folder.resolve("rows.jsonl"), lines);

    sampleJob("direct");
    sampleJob("one", "--runner=flink", "--flink-master=" + cluster.master(), "--parallelism=1");
    sampleJob("two", "--runner=flink", "--flink-master=" + cluster.master(), "--parallelism=2");

    byte[] expected = Files.readAllBytes(folder.resolve("direct/rows.jsonl"));
    assertArrayEquals(expected, Files.readAllBytes(folder.resolve("one/rows.jsonl")));
    assertArrayEquals(expected, Files.readAllBytes(folder.resolve("two/rows.jsonl")));
  }

  private void sampleJob(String output, String... more) throws IOException, InterruptedException {
    List<String> arguments = new ArrayList<>();
    arguments.addAll(List.of("--input", folder.resolve("rows.jsonl").toString()));
    arguments.addAll(List.of("--output", folder.resolve(output).toString()));
    arguments.addAll(List.of("--max-tokens", "12", "--batch-size", "16", "--chunk-rows", "20"));
    arguments.addAll(List.of("--kv-cache", "32MiB", "--progress", "none"));
    if (more.length > 0) {
      arguments.add("--engine-jvm=-Xmx256m");
    }
    arguments.addAll(List.of(more));
    Client client = Client.start(shared, folder.resolve(output + ".log"), arguments);
    assertEquals(0, client.await(), client.printed());
  }

  @Test
  void aHundredThousandRowsComeOutOnceAndAreSpreadEvenly() throws IOException {
    int rows = 100_000;
    Path log = folder.resolve("engines.log");
    List<JobProgress> progress = new ArrayList<>();
    JobListener listener =
        new JobListener() {
          @Override
          public void progressed(JobProgress now) {
            if (now.stage() == JobStage.GENERATE) {
              progress.add(now);
            }
          }
        };

    JobSettings settings = job("many", rows).withChunkRows(CHUNK_ROWS);
    settings = settings.withOutput(settings.output().withKeepWorkFiles(true));

    long start = System.nanoTime();
    JobReport report =
        BatchJob.of(settings, hosted(EchoEngineFactory.logging(log, 0)))
            .withListener(listener)
            .onFlink(flink(2))
            .run();

    System.out.printf("100,000 rows on two workers: %.1f s%n", (System.nanoTime() - start) / 1e9);
    assertEquals(rows, report.completed());
    assertEquals(rows, report.statistics().requests(), "every request was computed once");
    assertEveryRowOnce("many", rows);
    assertEquals(2, EchoEngineFactory.processes(log).size(), "one engine for each worker");
    assertEquals(rows, progress.get(progress.size() - 1).rowsDone());
    assertTrue(progress.stream().anyMatch(p -> p.rowsDone() > 0 && p.rowsDone() < rows));
    List<Long> shares = shares(folder.resolve("many-out/_millrace/workers"));
    System.out.println("rows computed by each worker: " + shares);
    assertEquals(2, shares.size());
    assertTrue(Math.abs(shares.get(0) - shares.get(1)) <= 2 * CHUNK_ROWS, shares.toString());
  }

  /** What each worker's engine did. */
  private static List<Long> shares(Path workers) throws IOException {
    List<Long> shares = new ArrayList<>();
    try (Stream<Path> files = Files.walk(workers)) {
      for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
        shares.add(JSON.readTree(file.toFile()).path("statistics").path("requests").asLong());
      }
    }
    return shares;
  }

  @Test
  void jobsAfterAndBesideEachOtherShareOneEnginePerWorker() throws Exception {
    Path log = folder.resolve("engines.log");
    EngineFactory factory = hosted(EchoEngineFactory.logging(log, 300));
    BatchJob first = BatchJob.of(job("first", 600).withChunkRows(50), factory).onFlink(flink(2));
    BatchJob left = BatchJob.of(job("left", 2000).withChunkRows(100), factory).onFlink(flink(1));
    BatchJob right = BatchJob.of(job("right", 2000).withChunkRows(100), factory).onFlink(flink(1));

    first.run();
    CompletableFuture<JobReport> beside = CompletableFuture.supplyAsync(left::run);
    right.run();
    beside.get();

    assertEveryRowOnce("first", 600);
    assertEveryRowOnce("left", 2000);
    assertEveryRowOnce("right", 2000);
    assertEquals(2, EchoEngineFactory.processes(log).size(), "model loads");
    for (String worker : List.of("worker-1", "worker-2")) {
      assertFalse(cluster.log(worker).contains("already loaded in another classloader"));
    }
  }

  @Test
  void aCancelledJobFreesItsRowsAndLeavesTheWorkerAlive() throws Exception {
    Path log = folder.resolve("engines.log");
    EngineFactory slow = hosted(EchoEngineFactory.logging(log, 40_000));
    CancelToken cancel = new CancelToken();
    long[] cancelledAt = new long[1];
    JobListener listener =
        new JobListener() {
          @Override
          public void progressed(JobProgress now) {
            if (now.stage() == JobStage.GENERATE && now.rowsDone() > 20 && cancelledAt[0] == 0) {
              cancelledAt[0] = System.nanoTime();
              cancel.cancel();
            }
          }
        };
    long worker = cluster.process("worker-1").pid();
    BatchJob job = BatchJob.of(job("slow", 20_000).withChunkRows(4000), slow).onFlink(flink(2));

    JobException failure =
        assertThrows(
            JobException.class, () -> job.withListener(listener).withCancelToken(cancel).run());

    double seconds = (System.nanoTime() - cancelledAt[0]) / 1e9;
    System.out.printf("a cancelled job on the cluster ended after %.2f s%n", seconds);
    assertEquals(ExitCode.CANCELLED, failure.exitCode(), failure.toString());
    assertTrue(seconds < 60, "it took " + seconds + " s");
    assertEquals(worker, cluster.process("worker-1").pid());
    assertTrue(cluster.process("worker-1").isAlive());
    // the queue of the engine is empty again: the next job does not wait behind 160 s of old rows
    long start = System.nanoTime();
    BatchJob.of(job("next", 20), slow).onFlink(flink(1)).run();
    assertTrue(System.nanoTime() - start < TimeUnit.SECONDS.toNanos(100));
    assertEquals(2, EchoEngineFactory.processes(log).size(), "the engines were kept");
  }

  @Test
  void theNumbersOfAWorkerStandAmongFlinksOwn() throws Exception {
    EngineFactory slow = hosted(EchoEngineFactory.logging(folder.resolve("engines.log"), 10_000));
    CancelToken cancel = new CancelToken();
    BatchJob job = BatchJob.of(job("watched", 50_000).withChunkRows(500), slow).onFlink(flink(2));
    CompletableFuture<Void> run =
        CompletableFuture.runAsync(() -> job.withCancelToken(cancel).run());

    double rows = 0;
    double rate = 0;
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(180);
    while ((rows < 10 || rate <= 0) && System.nanoTime() < deadline && !run.isDone()) {
      Thread.sleep(300);
      rows = metric("millrace.rows");
      rate = metric("millrace.outputTokensPerSecond");
    }
    cancel.cancel();

    assertTrue(rows >= 10, "rows shown by Flink: " + rows);
    assertTrue(rate > 0, "tokens a second shown by Flink: " + rate);
    assertThrows(Exception.class, run::get);
  }

  private static double metric(String name) throws IOException {
    double sum = 0;
    for (JsonNode job : cluster.get("/jobs/overview").path("jobs")) {
      if (job.path("state").asText().equals("RUNNING")) {
        String path = "/jobs/" + job.path("jid").asText();
        for (JsonNode vertex : cluster.get(path).path("vertices")) {
          JsonNode values =
              cluster.get(
                  path
                      + "/vertices/"
                      + vertex.path("id").asText()
                      + "/subtasks/metrics?agg=sum&get="
                      + name);
          sum += values.path(0).path("sum").asDouble();
        }
      }
    }
    return sum;
  }

  private JobException refused(EngineFactory factory, FlinkSettings settings) throws IOException {
    BatchJob job = BatchJob.of(job("refused", 50), factory).onFlink(settings);
    long start = System.nanoTime();
    JobException failure = assertThrows(JobException.class, job::run);
    double seconds = (System.nanoTime() - start) / 1e9;
    System.out.printf("refused after %.1f s: %s%n", seconds, failure.getMessage());
    assertTrue(seconds < ERRORS_WITHIN_SECONDS, "it took " + seconds + " s");
    return failure;
  }

  private EngineFactory echo() {
    return hosted(EchoEngineFactory.logging(folder.resolve("engines.log"), 0));
  }

  @Test
  void aWrongMasterIsNamed() throws IOException {
    JobException failure = refused(echo(), new FlinkSettings("127.0.0.1:1", 1, List.of()));

    assertEquals(ExitCode.RETRYABLE, failure.exitCode());
    assertTrue(failure.getMessage().contains("127.0.0.1:1, found nobody"), failure.getMessage());
    assertTrue(failure.getMessage().contains("--flink-master"), failure.getMessage());
  }

  @Test
  void anotherVersionOfFlinkIsNamed() throws IOException {
    HttpServer other = jobManager("1.18.1");
    try {
      String master = "127.0.0.1:" + other.getAddress().getPort();

      JobException failure = refused(echo(), new FlinkSettings(master, 1, List.of()));

      assertEquals(ExitCode.INVALID_INPUT, failure.exitCode());
      assertTrue(
          failure
              .getMessage()
              .contains("expected Flink 1.19 at " + master + ", found Flink 1.18.1"),
          failure.getMessage());
    } finally {
      other.stop(0);
    }
  }

  @Test
  void aJobManagerThatIsLostWhileItIsGivenTheJobCanBeTriedAgain() throws IOException {
    HttpServer lost = jobManager(FlinkSettings.VERSION_LINE + ".3");
    answer(lost, "/overview", "{\"slots-total\":2}");
    lost.createContext("/", HttpExchange::close); // what else is asked finds the connection closed
    try {
      String master = "127.0.0.1:" + lost.getAddress().getPort();

      JobException failure =
          refused(echo(), new FlinkSettings(master, 1, List.of(Cluster.clusterJar().toString())));

      assertEquals(ExitCode.RETRYABLE, failure.exitCode(), failure.getMessage());
      assertTrue(
          failure.getMessage().contains("the JobManager at " + master + " was lost while"),
          failure.getMessage());
      assertTrue(failure.getMessage().contains("same command again"), failure.getMessage());
    } finally {
      lost.stop(0);
    }
  }

  /** Somebody who says to be a JobManager. */
  private static HttpServer jobManager(String version) throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    answer(server, "/config", "{\"flink-version\":\"" + version + "\"}");
    server.start();
    return server;
  }

  private static void answer(HttpServer server, String path, String body) {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    server.createContext(
        path,
        exchange -> {
          exchange.sendResponseHeaders(200, bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
  }

  @Test
  void moreSlotsThanThereAreIsRefused() throws IOException {
    JobException failure = refused(echo(), flink(9));

    assertEquals(ExitCode.RETRYABLE, failure.exitCode(), "others may still come");
    assertTrue(failure.getMessage().contains("expected at most 2"), failure.getMessage());
  }

  /** The client has a model in its working directory, and no worker has one in its own. */
  @Test
  void aWorkspaceThatAWorkerLacksIsNamedWithTheWorker() throws IOException, InterruptedException {
    String printed = refusedOnAWorker("--workspace", "/proc/self/cwd/model");

    assertTrue(printed.contains("/proc/self/cwd/model"), printed);
    assertTrue(printed.contains("on every worker"), printed);
  }

  @Test
  void aWorkerWithoutAGpuIsNamedWhereCudaIsAskedFor() throws IOException, InterruptedException {
    String model = folder.resolve("model").toString();

    String printed = refusedOnAWorker("--workspace", model, "--backend", "cuda");

    assertTrue(printed.contains("no GPU can be used: "), printed);
    assertTrue(printed.contains("--backend cpu"), printed);
  }

  /** The real engine in its own process on a worker, asked for by a real client. */
  private String refusedOnAWorker(String... options) throws IOException, InterruptedException {
    Path checkpoint = Cluster.root().resolve("sample-data/models/tiny-qwen2.5");
    Conversion.ofCheckpoint(checkpoint, ConversionSettings.to(folder.resolve("model"))).workspace();
    Path input = Files.writeString(folder.resolve("rows.jsonl"), "{\"prompt\":\"Hello\"}\n");
    List<String> arguments = new ArrayList<>(List.of("--input", input.toString()));
    arguments.addAll(List.of("--output", folder.resolve("out").toString()));
    arguments.addAll(List.of("--runner=flink", "--flink-master=" + cluster.master()));
    arguments.addAll(List.of("--engine-jvm=-Xmx256m", "--progress", "none"));
    arguments.addAll(List.of(options));

    long start = System.nanoTime();
    Client client = Client.start(shared, folder, folder.resolve("client.log"), arguments);
    int exitCode = client.await();
    double seconds = (System.nanoTime() - start) / 1e9;

    String printed = client.printed();
    System.out.printf("refused after %.1f s with code %d: %s%n", seconds, exitCode, printed);
    assertTrue(exitCode == 2, printed);
    assertTrue(seconds < ERRORS_WITHIN_SECONDS, "it took " + seconds + " s");
    assertTrue(printed.contains("TaskManager worker-"), printed);
    return printed;
  }

  @Test
  void engineProcessesLingerNoLongerThanToldTo() throws Exception {
    Path log = folder.resolve("engines.log");
    EngineFactory brief =
        new ProcessEngineFactory(
            EchoEngineFactory.logging(log, 0), host().withLinger(Duration.ofSeconds(1)));

    BatchJob.of(job("brief", 50), brief).onFlink(flink(1)).run();

    for (long pid : EchoEngineFactory.processes(log)) {
      ProcessHandle.of(pid)
          .ifPresent(p -> p.onExit().orTimeout(ENDS_WITHIN_SECONDS, TimeUnit.SECONDS).join());
    }
  }
}
