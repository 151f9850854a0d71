package dev.millrace.pipeline;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.DoesNotFitException;
import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.pipeline.generate.EngineUnavailableException;
import dev.millrace.pipeline.generate.SoleUse;
import dev.millrace.pipeline.host.HostSettings;
import dev.millrace.pipeline.host.ProcessEngineFactory;
import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.JobSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.IntPredicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Engines in a process of their own: what crosses the socket, and what a crash does. */
@Timeout(120)
final class EngineProcessTest {
  private static final String RUN_FOLDER = "millrace.run.dir";

  private static final HostSettings SETTINGS =
      HostSettings.defaults()
          .withJvmOptions(List.of("-Xmx96m", "-XX:TieredStopAtLevel=1"))
          .withLinger(Duration.ofSeconds(30));

  @TempDir private Path folder;

  @BeforeEach
  void keepApart() {
    System.setProperty(RUN_FOLDER, folder.resolve("run").toString());
  }

  @AfterEach
  void leaveNoProcess() throws IOException {
    System.clearProperty(RUN_FOLDER);
    try (Stream<ProcessHandle> left = LoggedEngineFactory.alive(log())) {
      left.forEach(ProcessHandle::destroyForcibly);
    }
  }

  private Path log() {
    return folder.resolve("engines.log");
  }

  private LoggedEngineFactory logged(String name, long requestMillis) {
    return new LoggedEngineFactory(
        ScriptedEngineFactory.named(name)
            .withRequestNanos(TimeUnit.MILLISECONDS.toNanos(requestMillis)),
        log());
  }

  private static EngineFactory hosted(EngineFactory factory) {
    return new ProcessEngineFactory(factory, SETTINGS);
  }

  private JobSettings job(String name, int rows, IntPredicate deadly) throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      lines.add("{'prompt':'" + (deadly.test(i) ? "HALT " : "question ") + i + "'}");
    }
    Path input = Jobs.lines(folder.resolve(name + ".jsonl"), lines.toArray(String[]::new));
    return Jobs.settings(input, folder.resolve(name + "-out")).withChunkRows(64);
  }

  private static GenerationRequest request(String id, String prompt) {
    return new GenerationRequest(id, new Prompt.Tokens(ids(prompt)), SamplingSettings.greedy());
  }

  private static Completion answer(Engine engine, GenerationRequest request)
      throws InterruptedException, ExecutionException {
    CompletableFuture<Completion> answer = new CompletableFuture<>();
    engine.submit(request, answer::complete);
    return answer.get();
  }

  @Test
  void aJobThroughAnEngineProcessWritesTheSameBytes() throws IOException {
    JobSettings here = job("in", 700, i -> false);
    JobSettings there =
        Jobs.settings(folder.resolve("in.jsonl"), folder.resolve("there")).withChunkRows(64);

    BatchJob.of(here, logged("same", 0)).run();
    JobReport report = BatchJob.of(there, hosted(logged("same", 0))).run();

    assertEquals(700, report.completed());
    assertEquals("scripted", report.engine().backend());
    assertEquals(700, report.statistics().requests());
    assertArrayEquals(
        Files.readAllBytes(folder.resolve("in-out/in.jsonl")),
        Files.readAllBytes(folder.resolve("there/in.jsonl")));
    List<Long> opened = LoggedEngineFactory.processes(log());
    assertEquals(2, opened.size());
    assertEquals(ProcessHandle.current().pid(), opened.get(0));
    assertFalse(opened.get(1).equals(opened.get(0)), "the second engine is in another process");
  }

  @Test
  void everyKindOfRequestCrossesUnchanged() throws Exception {
    SamplingSettings rich =
        SamplingSettings.builder()
            .maxTokens(1000)
            .temperature(0.7000000000000001)
            .logitBias(Map.of(3, -1.5))
            .stop(List.of("\n", "é"))
            .seed(-7L)
            .n(2)
            .logprobs(3)
            .build();
    List<GenerationRequest> requests =
        List.of(
            new GenerationRequest("a", new Prompt.Tokens(ids("ids")), rich),
            new GenerationRequest("b", new Prompt.Tokens(new int[0]), SamplingSettings.greedy()),
            new GenerationRequest(
                "é", new Prompt.Tokens(ids("x")), new Prompt.Text("yes\u0000"), rich),
            new GenerationRequest(
                "scored", new Prompt.Tokens(ids("x")), new Prompt.Tokens(ids("no")), rich));
    try (Engine here = logged("kinds", 0).openEngine();
        Engine there = hosted(logged("kinds", 0)).openEngine()) {
      for (GenerationRequest request : requests) {
        Completion expected = answer(here, request);
        Completion found = answer(there, request);

        assertEquals(describe(expected), describe(found));
      }
      assertEquals(here.info(), there.info());
      assertEquals(requests.size(), there.statistics().requests());
    }
  }

  private static int[] ids(String text) {
    return text.chars().toArray();
  }

  private static String describe(Completion completion) throws IOException {
    return Jobs.JSON.writeValueAsString(completion);
  }

  @Test
  void aKilledProcessIsStartedAgainAndNothingIsLost() throws Exception {
    JobSettings settings = job("killed", 600, i -> false);
    CompletableFuture<JobReport> run =
        CompletableFuture.supplyAsync(
            () -> BatchJob.of(settings, hosted(logged("killed", 3))).run());
    for (int kill = 1; kill <= 2; kill++) {
      awaitOpened(kill);
      Thread.sleep(300);
      ProcessHandle.of(LoggedEngineFactory.processes(log()).get(kill - 1))
          .orElseThrow()
          .destroyForcibly();
    }

    JobReport report = run.get();

    assertEquals(600, report.completed());
    assertEquals(
        3, LoggedEngineFactory.processes(log()).size(), "one load for each crash, and one");
    for (int i = 0; i < 600; i++) {
      assertEquals(
          "echo:<user>question " + i,
          Jobs.rows(folder.resolve("killed-out/killed.jsonl")).get(i).get("output").asText());
    }
  }

  private void awaitOpened(int engines) throws IOException, InterruptedException {
    while (LoggedEngineFactory.lines(log()).size() < engines) {
      Thread.sleep(20);
    }
  }

  @Test
  void aRequestThatKillsTheProcessBecomesAFailureRow() throws IOException {
    JobSettings settings = job("deadly", 200, i -> i == 77).withAllowedFailures(1);

    JobReport report = BatchJob.of(settings, hosted(logged("deadly", 0))).run();

    assertEquals(Map.of(FailureReason.ENGINE_FAILED, 1L), report.failures());
    String error =
        Jobs.rows(folder.resolve("deadly-out/deadly.jsonl")).get(77).get("output_error").asText();
    assertTrue(error.contains("by signal 9"), error);
    System.out.println("processes for one deadly row of 200: " + processes());
  }

  private int processes() throws IOException {
    return LoggedEngineFactory.processes(log()).size();
  }

  @Test
  void aNeighboursJobIsNotBlamedForADeadlyRow() throws Exception {
    JobSettings deadly = job("bad", 128, i -> i % 50 == 7).withAllowedFailures(1);
    EngineFactory shared = hosted(logged("shared", 1));
    CompletableFuture<JobReport> bad =
        CompletableFuture.supplyAsync(() -> BatchJob.of(deadly, shared).run());
    List<String> lost = new ArrayList<>();
    int answered = 0;
    for (int i = 0; i < 400; i++) {
      try (Engine engine = shared.openEngine()) {
        SoleUse sole = (SoleUse) engine;
        sole.claim();
        Completion completion = answer(engine, request("g" + i, "question " + i));
        sole.release();
        if (completion.isFailed()) {
          lost.add(completion.failure().message());
        } else {
          answered++;
        }
      } catch (EngineException e) {
        assertTrue(e.getMessage().contains("ended"), e.getMessage()); // before it was alone
      }
      if (bad.isDone()) {
        break;
      }
    }

    assertEquals(Map.of(FailureReason.ENGINE_FAILED, 3L), bad.get().failures());
    assertEquals(List.of(), lost, "a request that has the engine alone is never lost to others");
    assertTrue(answered > 0);
  }

  @Test
  void theSameEngineIsOpenedOnce() throws Exception {
    EngineFactory factory = hosted(logged("once", 0));
    try (Engine one = factory.openEngine();
        Engine two = factory.openEngine()) {
      assertFalse(answer(one, request("1", "x")).isFailed());
      assertFalse(answer(two, request("1", "x")).isFailed(), "ids are a connection's own");
    }
    factory.openEngine().close();
    assertEquals(1, processes(), "it lingers");
  }

  @Test
  void anEngineThatNobodyUsesEnds() throws Exception {
    HostSettings brief = SETTINGS.withLinger(Duration.ofMillis(700));
    EngineFactory factory = new ProcessEngineFactory(logged("brief", 0), brief);
    factory.openEngine().close();

    long closed = System.nanoTime();
    while (LoggedEngineFactory.alive(log()).findAny().isPresent()) {
      assertTrue(System.nanoTime() - closed < TimeUnit.SECONDS.toNanos(20), "it never ends");
      Thread.sleep(20);
    }
    try (Stream<Path> left = Files.walk(folder.resolve("run"))) {
      assertEquals(
          List.of(folder.resolve("run"), folder.resolve("run/devices")), left.sorted().toList());
    }
    factory.openEngine().close();
    assertEquals(2, processes());
  }

  @Test
  void aCancelledRequestIsGivenUpAtOnce() throws Exception {
    try (Engine engine = hosted(logged("cancel", 200)).openEngine()) {
      List<CompletableFuture<Completion>> answers = new ArrayList<>();
      List<Engine.Submission> submissions = new ArrayList<>();
      for (int i = 0; i < 150; i++) {
        CompletableFuture<Completion> answer = new CompletableFuture<>();
        answers.add(answer);
        submissions.add(engine.submit(request("r" + i, "slow"), answer::complete));
      }
      long start = System.nanoTime();
      submissions.get(149).cancel(); // behind the engine's queue, which holds 64
      submissions.get(149).cancel();

      Completion last = answers.get(149).get();
      submissions.forEach(Engine.Submission::cancel);

      assertEquals(FailureReason.CANCELLED, last.failure().reason());
      double seconds = (System.nanoTime() - start) / 1e9;
      System.out.printf("cancelled behind 149 slow requests in %.2f s%n", seconds);
    }
  }

  private LoggedEngineFactory onDevices(String name, int group) {
    return onDevices(name, group, "card:a", "card:b", "card:c", "card:d");
  }

  private LoggedEngineFactory onDevices(String name, int group, String... cards) {
    return new LoggedEngineFactory(
        ScriptedEngineFactory.named(name), log().toString(), group, List.of(cards), List.of());
  }

  @Test
  void aDeviceIsKnownByItsNameNotByItsNumberInAProcess() {
    try (Engine one = hosted(onDevices("one", 1, "card:a")).openEngine();
        Engine two = hosted(onDevices("two", 1, "card:b")).openEngine()) {
      EngineException third =
          assertThrows(
              EngineException.class,
              () -> hosted(onDevices("three", 1, "card:b", "card:a")).openEngine());

      assertEquals(one.info().backend(), two.info().backend());
      assertTrue(third.getMessage().contains("device 0 (card:b) by process"), third.getMessage());
      assertTrue(third.getMessage().contains("device 1 (card:a) by process"), third.getMessage());
      assertTrue(third instanceof EngineUnavailableException, "the holder may let go of it");
    }
  }

  @Test
  void noTwoEnginesOfAMachineGetTheSameDevice() throws IOException {
    Engine one = hosted(onDevices("one", 2)).openEngine();
    Engine two = hosted(onDevices("two", 2)).openEngine();
    try {
      EngineException third =
          assertThrows(EngineException.class, () -> hosted(onDevices("three", 1)).openEngine());

      List<Long> holders = LoggedEngineFactory.processes(log());
      assertEquals(
          List.of(holders.get(0) + " [0, 1]", holders.get(1) + " [2, 3]"),
          LoggedEngineFactory.lines(log()));
      assertTrue(third.getMessage().contains("expected 1 free devices"), third.getMessage());
      assertTrue(
          third.getMessage().contains("device 3 (card:d) by process " + holders.get(1)),
          third.getMessage());
      // killed, not closed: the kernel gives the device back
      ProcessHandle killed = ProcessHandle.of(holders.get(0)).orElseThrow();
      killed.destroyForcibly();
      killed.onExit().join();
      hosted(onDevices("four", 1)).openEngine().close();
      assertTrue(LoggedEngineFactory.lines(log()).get(2).endsWith(" [0]"));
    } finally {
      one.close();
      two.close();
    }
  }

  @Test
  void replicasShareAProcessAndAQueueButNoDevice() throws Exception {
    EngineFactory replicated =
        new ProcessEngineFactory(onDevices("replicas", 2), SETTINGS.withReplicas(0));
    try (Engine engine = replicated.openEngine()) {
      List<CompletableFuture<Completion>> answers = new ArrayList<>();
      for (int i = 0; i < 300; i++) {
        CompletableFuture<Completion> answer = new CompletableFuture<>();
        answers.add(answer);
        engine.submit(request("r" + i, "question " + i), answer::complete);
      }
      for (int i = 0; i < 300; i++) {
        assertEquals("echo:question " + i, answers.get(i).get().choices().get(0).text());
      }

      assertEquals(300, engine.statistics().requests());
      assertEquals(2 * 64, engine.info().sequencesMax(), "both engines' together");
      List<Long> opened = LoggedEngineFactory.processes(log());
      assertEquals(2, opened.size());
      assertEquals(opened.get(0), opened.get(1));
      assertTrue(LoggedEngineFactory.lines(log()).get(1).endsWith(" [2, 3]"));
    }
  }

  @Test
  void theProcessEndsWithItsWorkerHoweverThatEnds() throws Exception {
    Process worker =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-opens=java.base/java.nio=ALL-UNNAMED",
                "-Xmx96m",
                "-D" + RUN_FOLDER + "=" + folder.resolve("run"),
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                WorkerMain.class.getName(),
                log().toString())
            .inheritIO()
            .start();
    awaitOpened(1);
    ProcessHandle engine =
        ProcessHandle.of(LoggedEngineFactory.processes(log()).get(0)).orElseThrow();

    worker.destroyForcibly().waitFor();

    long start = System.nanoTime();
    engine.onExit().orTimeout(10, TimeUnit.SECONDS).join();
    System.out.printf("engine ended %.2f s after its worker%n", (System.nanoTime() - start) / 1e9);
    try (Stream<Path> left = Files.walk(folder.resolve("run"))) {
      assertEquals(List.of(), left.filter(path -> path.toString().endsWith(".sock")).toList());
    }
  }

  /** A worker that has an engine and waits to be killed. */
  static final class WorkerMain {
    private WorkerMain() {}

    public static void main(String[] arguments) throws InterruptedException {
      EngineFactory factory =
          new LoggedEngineFactory(ScriptedEngineFactory.named("worker"), Path.of(arguments[0]));
      try (Engine engine = hosted(factory).openEngine()) {
        Thread.sleep(60_000L * engine.info().ranks());
      }
    }
  }

  @Test
  void anEngineThatCannotBeOpenedSaysWhy() {
    EngineFactory broken =
        hosted(new BrokenFactory("the workspace /nowhere is missing", BrokenFactory.How.REFUSED));

    EngineException refused = assertThrows(EngineException.class, broken::openEngine);

    assertEquals("the workspace /nowhere is missing", refused.getMessage());
  }

  @Test
  void anEngineThatDoesNotFitSaysSo() {
    EngineFactory large =
        hosted(new BrokenFactory("9.1 GiB are free", BrokenFactory.How.DOES_NOT_FIT));

    DoesNotFitException refused = assertThrows(DoesNotFitException.class, large::openEngine);

    assertEquals("9.1 GiB are free", refused.getMessage());
  }

  @Test
  void aMistakeInTheProgramOfAnEngineIsToldByTheEndOfItsLog() {
    EngineFactory broken =
        hosted(new BrokenFactory("layer 7 has no weights", BrokenFactory.How.MISTAKE));

    EngineException refused = assertThrows(EngineException.class, broken::openEngine);

    assertTrue(
        refused.getMessage().contains("IllegalStateException: layer 7 has no weights"),
        refused.getMessage());
  }

  @Test
  void aLibraryThatAnEngineLacksIsToldByTheEndOfItsLog() {
    EngineFactory broken =
        hosted(new BrokenFactory("no libdevice.so", BrokenFactory.How.LIBRARY_MISSING));

    EngineException refused = assertThrows(EngineException.class, broken::openEngine);

    assertTrue(
        refused.getMessage().contains("UnsatisfiedLinkError: no libdevice.so"),
        refused.getMessage());
  }

  @Test
  void aJvmThatCannotStartSaysWhy() {
    EngineFactory broken =
        new ProcessEngineFactory(
            logged("never", 0), SETTINGS.withJvmOptions(List.of("-XX:NoSuchOption")));

    EngineException refused = assertThrows(EngineException.class, broken::openEngine);

    assertTrue(refused.getMessage().contains("NoSuchOption"), refused.getMessage());
  }

  @Test
  void aFolderThatOthersCanOpenIsRefused() throws IOException {
    Path open = Files.createDirectory(folder.resolve("open"));
    Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rwxr-xr-x"));
    System.setProperty(RUN_FOLDER, open.toString());

    EngineException refused =
        assertThrows(EngineException.class, () -> hosted(logged("open", 0)).openEngine());

    assertTrue(refused.getMessage().contains("nobody else can open"), refused.getMessage());
  }

  @Test
  void aFolderWhosePathIsTooLongForASocketIsNamed() {
    Path deep = folder.resolve("a".repeat(80));
    System.setProperty(RUN_FOLDER, deep.toString());

    EngineException refused =
        assertThrows(EngineException.class, () -> hosted(logged("deep", 0)).openEngine());

    assertTrue(refused.getMessage().contains("at most 107 bytes"), refused.getMessage());
    assertTrue(refused.getMessage().contains(deep.toString()), refused.getMessage());
    assertTrue(refused.getMessage().contains("MILLRACE_RUN_DIR"), refused.getMessage());
  }

  @Test
  void theSocketIsItsUsersAlone() throws IOException {
    try (Engine engine = hosted(logged("mode", 0)).openEngine();
        Stream<Path> all = Files.walk(folder.resolve("run"))) {
      assertEquals("scripted", engine.info().backend());
      for (Path directory : (Iterable<Path>) all.filter(Files::isDirectory)::iterator) {
        assertEquals(
            "rwx------",
            PosixFilePermissions.toString(Files.getPosixFilePermissions(directory)),
            directory.toString());
      }
    }
  }

  @Test
  void anInterruptedWorkerLeavesALiveEngineToTheOthers() throws Exception {
    EngineFactory factory = hosted(logged("interrupted", 0));
    try (Engine live = factory.openEngine()) {
      Thread.currentThread().interrupt();
      EngineException interrupted =
          assertThrows(EngineUnavailableException.class, factory::openEngine);
      assertTrue(Thread.interrupted(), "the interrupt is passed on");
      assertTrue(interrupted.getMessage().contains("interrupted"), interrupted.getMessage());

      try (Engine other = factory.openEngine()) {
        assertFalse(answer(live, request("1", "x")).isFailed());
        assertFalse(answer(other, request("1", "x")).isFailed());
      }
    }
    assertEquals(1, processes());
  }

  private JobException failure(BrokenFactory.How how) throws IOException {
    JobSettings settings = job("no-engine-" + how, 1, i -> false);
    BrokenFactory broken = new BrokenFactory("the workspace /nowhere is missing", how);
    return assertThrows(JobException.class, () -> BatchJob.of(settings, hosted(broken)).run());
  }

  @Test
  void aJobWhoseEngineIsKilledAsItOpensIsRetryableAndOneThatIsRefusedItIsNot() throws IOException {
    JobException refused = failure(BrokenFactory.How.REFUSED);
    JobException killed = failure(BrokenFactory.How.KILLED);

    assertEquals(ExitCode.INVALID_INPUT, refused.exitCode(), refused.getMessage());
    assertEquals(ExitCode.RETRYABLE, killed.exitCode(), killed.getMessage());
    assertTrue(killed.getMessage().contains("killed or ended 3 times"), killed.getMessage());
  }

  /** Opens nothing. */
  private record BrokenFactory(String message, How how) implements WrappedEngineFactory {
    private enum How {
      REFUSED,
      DOES_NOT_FIT,
      MISTAKE,
      LIBRARY_MISSING,
      KILLED
    }

    @Override
    public EngineFactory scripted() {
      return ScriptedEngineFactory.named("broken");
    }

    @Override
    public Engine openEngine() {
      switch (how) {
        case MISTAKE -> throw new IllegalStateException(message);
        case LIBRARY_MISSING -> throw new UnsatisfiedLinkError(message);
        case KILLED -> Runtime.getRuntime().halt(137);
        case REFUSED -> throw new EngineException(message);
        case DOES_NOT_FIT -> throw new DoesNotFitException(message);
      }
      throw new IllegalStateException(message);
    }
  }
}
