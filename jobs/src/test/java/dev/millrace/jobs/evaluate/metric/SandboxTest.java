package dev.millrace.jobs.evaluate.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.millrace.jobs.RepositoryFiles;
import dev.millrace.jobs.evaluate.metric.Sandbox.Isolation;
import dev.millrace.jobs.evaluate.spec.EvaluationSpecReader;
import dev.millrace.jobs.evaluate.spec.TaskSpec;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Python programs in the sandbox, the ready task humaneval among them. */
class SandboxTest {
  private static final Sandbox SANDBOX = Sandbox.allowed(line -> {});
  private static final Sandbox.Limits LIMITS = new Sandbox.Limits(120_000, 512L << 20, 1 << 16);

  @TempDir private Path folder;

  @BeforeAll
  static void findPython() {
    assumeTrue(
        python("print(1)", LIMITS).isSuccess(),
        "Not run: there is no python3 on the system's PATH");
  }

  private static Sandbox.Outcome python(String program, Sandbox.Limits limits) {
    return python(SANDBOX, program, limits);
  }

  private static Sandbox.Outcome python(Sandbox sandbox, String program, Sandbox.Limits limits) {
    return sandbox.run(
        List.of("python3", "-I", "solution.py"), Map.of("solution.py", program), limits);
  }

  private static void assumeIsolated() {
    assumeTrue(
        SANDBOX.isolation() == Isolation.FULL,
        "Not run: this system lets no user make namespaces, found " + SANDBOX.isolation());
  }

  /** The metric of the ready task, as a night makes it. */
  private static Metric humaneval() throws IOException {
    TaskSpec task =
        EvaluationSpecReader.parse(
                "name: n\nsuites: [{name: s, tasks: [{use: humaneval, data: {path: x}}]}]",
                "n.yaml",
                Path.of(""))
            .suites()
            .get(0)
            .tasks()
            .get(0);
    try (UserMetrics users = UserMetrics.of(List.of())) {
      return Metrics.of(task, SANDBOX, users).get(0);
    }
  }

  private static double pass(Metric metric, Map<String, Object> row, String answer) {
    JudgedSample sample =
        new JudgedSample(
            row,
            "",
            List.of(answer),
            List.of(answer),
            null,
            List.of(),
            List.of(),
            null,
            0,
            Map.of());
    return metric.judge(sample).values().get("pass@1");
  }

  @Test
  void canonicalSolutionsOfHumanEvalPassAndWrongOnesDoNot() throws IOException {
    Metric metric = humaneval();
    ObjectMapper json = new ObjectMapper();
    int rows = 0;
    for (String line :
        Files.readAllLines(RepositoryFiles.sampleData("evaluation/humaneval.jsonl"))) {
      JsonNode node = json.readTree(line);
      Map<String, Object> row = new HashMap<>();
      node.properties().forEach(e -> row.put(e.getKey(), e.getValue().asText()));
      String id = node.get("task_id").asText();

      assertEquals(1.0, pass(metric, row, node.get("canonical_solution").asText()), id);
      assertEquals(0.0, pass(metric, row, "    return NotImplemented\n"), id);
      rows++;
    }
    assertEquals(20, rows);
  }

  @Test
  void aLoopWithoutEndIsStoppedByTheClockAndAHogByItsMemory() {
    Sandbox.Limits limits = new Sandbox.Limits(1500, 256L << 20, 1 << 16);

    assertEquals("time", python("while True: pass", limits).stopped());
    assertEquals("time", python("import time; time.sleep(60)", limits).stopped());
    Sandbox.Outcome hog = python("x = bytearray(1 << 30); print('had it')", LIMITS);
    assertFalse(hog.isSuccess());
    assertTrue(hog.output().contains("MemoryError"), hog.output());
    Sandbox.Limits patient = new Sandbox.Limits(120_000, 256L << 20, 1 << 16);
    assertTrue(python("x = bytearray(1 << 26); print('had it')", patient).isSuccess());
    assertEquals(
        "output", python("while True: print('x' * 1000)", patient).stopped(), "endless output");
    assertFalse(
        python("open('big', 'wb').write(bytes(1 << 20))", patient).isSuccess(), "a large file");
  }

  @Test
  void writesOutsideItsFolderAreRefused() {
    assumeIsolated();
    for (Path place :
        List.of(folder, Path.of("/tmp"), Path.of("/dev/shm"), RepositoryFiles.root())) {
      Path file = place.resolve("millrace-sandbox-escape");
      Sandbox.Outcome wrote = python("open('" + file + "', 'w').write('x')", LIMITS);
      assertFalse(wrote.isSuccess(), file.toString());
      assertTrue(wrote.output().contains("Read-only file system"), wrote.output());
      assertFalse(Files.exists(file), file.toString());
    }
    Sandbox.Outcome own = python("open('own', 'w').write('x'); print(open('own').read())", LIMITS);
    assertTrue(own.isSuccess(), own.output());
    Sandbox.Outcome back =
        python(
            "import subprocess as s, sys;"
                + "sys.exit(s.run(['mount', '-o', 'remount,bind,rw', '/']).returncode == 0)",
            LIMITS);
    assertTrue(back.isSuccess(), "the right to mount was not given up: " + back.output());
  }

  @Test
  void thereIsNoNetworkNotEvenToThisMachine() throws IOException {
    assumeTrue(SANDBOX.isolation() != Isolation.NONE, "Not run: no user may make namespaces here");
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      Sandbox.Outcome called =
          python(
              "import socket; socket.create_connection(('127.0.0.1', %d), 2)"
                  .formatted(server.getLocalPort()),
              LIMITS);

      assertFalse(called.isSuccess(), "it reached a server outside");
      assertTrue(called.output().contains("Error"), called.output());
    }
  }

  @Test
  void nothingThatItStartedOutlivesIt() throws Exception {
    assumeIsolated();
    String mark = "millrace-orphan-" + System.nanoTime();
    String orphan =
        """
        import os, sys, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execvp("sleep", ["sleep", "60.%s"])
            os._exit(0)
        time.sleep(0.5)
        """
            .formatted(mark.hashCode() & 0xffff);
    String wanted = "60." + (mark.hashCode() & 0xffff);

    Sandbox.Outcome left = python(orphan, LIMITS);

    assertTrue(left.isSuccess(), left.output());
    await(() -> !isRunning("sleep " + wanted)); // a process in a session of its own
  }

  @Test
  void aProgramDoesNotOutliveTheThreadThatWaitsForItsEnd() throws Exception {
    String seconds = "61." + (System.nanoTime() & 0xffffff);
    String mark = "sleep " + seconds;
    CompletableFuture<Throwable> ended = new CompletableFuture<>();
    Thread waiting =
        new Thread(
            () ->
                ended.complete(
                    assertThrows(
                        IllegalStateException.class,
                        () -> SANDBOX.run(List.of("sleep", seconds), Map.of(), LIMITS))));
    waiting.start();
    await(() -> isRunning(mark));

    waiting.interrupt();

    assertTrue(ended.get(30, TimeUnit.SECONDS).getMessage().contains("interrupted"));
    await(() -> !isRunning(mark));
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < deadline, "not so within 30 s");
      Thread.sleep(100);
    }
  }

  private static boolean isRunning(String command) {
    return ProcessHandle.allProcesses()
        .anyMatch(p -> p.info().commandLine().orElse("").contains(command));
  }

  @Test
  void secretsOfTheEnvironmentAreNotSeen() {
    Sandbox.Outcome seen = python("import os; print(sorted(os.environ))", LIMITS);

    assertTrue(seen.isSuccess(), seen.output());
    Set<String> names = new TreeSet<>(List.of(seen.output().strip().split("\\W+", -1)));
    names.removeAll(Set.of("", "HOME", "PATH", "TMPDIR", "LC_ALL", "PYTHONDONTWRITEBYTECODE"));
    names.removeAll(Set.of("PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE")); // made by the shell
    assertEquals(Set.of(), names);
  }

  /** Tells something of users other than root alone: root may empty any folder. */
  @Test
  void foldersThatMayNotBeListedOrEmptiedAreDeleted() {
    for (String mode : List.of("0", "0o555")) {
      Sandbox.Outcome left =
          python(
              "import os; os.mkdir('d'); open('d/x', 'w').close(); os.chmod('d', %s);"
                      .formatted(mode)
                  + "print(os.getcwd())",
              LIMITS);

      assertTrue(left.isSuccess(), left.output());
      assertFalse(Files.exists(Path.of(left.output().strip())), left.output());
    }
  }

  /** A path longer than the system takes: nobody deletes it by its name. */
  @Test
  void aFolderThatCannotBeDeletedIsToldOnceAndDecidesNothing() throws Exception {
    String program =
        """
        import os
        print(os.getcwd(), flush=True)
        for i in range(50):
            os.mkdir('d' * 100)
            os.chdir('d' * 100)
        """;
    List<String> notices = new ArrayList<>();
    Sandbox sandbox = Sandbox.allowed(notices::add);
    notices.clear();

    Sandbox.Outcome first = python(sandbox, program, LIMITS);
    Sandbox.Outcome second = python(sandbox, program, LIMITS);

    assertTrue(first.isSuccess(), first.output());
    assertTrue(second.isSuccess(), second.output());
    assertEquals(1, notices.size(), notices.toString());
    assertTrue(notices.get(0).contains(first.output().strip()), notices.toString());
    String[] folders = {first.output().strip(), second.output().strip()};
    new ProcessBuilder("rm", "-rf", folders[0], folders[1]).start().waitFor();
  }

  @Test
  void aTrialThatFailsGoesDownALevelAndIsTold() {
    List<String> notices = new ArrayList<>();
    Duration patience = Duration.ofMinutes(10);

    assertEquals(
        Isolation.FULL, Sandbox.allowed(notices::add, i -> List.of("true"), patience).isolation());
    assertEquals(List.of(), notices);
    assertEquals(
        Isolation.NO_NETWORK,
        Sandbox.allowed(
                notices::add, i -> List.of(i == Isolation.FULL ? "false" : "true"), patience)
            .isolation());
    assertFalse(notices.get(0).contains("the network"), notices.toString());
    assertEquals(
        Isolation.NONE,
        Sandbox.allowed(notices::add, i -> List.of("no-such-program"), patience).isolation());
    assertTrue(notices.get(1).contains("the network"), notices.toString());
    assertEquals(2, notices.size());
  }

  @Test
  void aTrialThatDoesNotEndIsNoReasonForLessIsolation() {
    CommandException refused =
        assertThrows(
            CommandException.class,
            () ->
                Sandbox.allowed(
                    line -> {},
                    i -> i == Isolation.FULL ? List.of("sleep", "600") : List.of("true"),
                    Duration.ofMillis(50)));

    assertEquals(ExitCode.RETRYABLE, refused.exitCode());
  }
}
