package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.compute.ReferenceBackendFactory;
import dev.millrace.engine.rank.HeapCollective;
import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class RankedExecutorTest {
  private static final int VOCABULARY = 101;

  @TempDir private Path folder;
  private Path workspacePath;

  @BeforeEach
  void writeWorkspace() throws IOException {
    workspacePath = folder.resolve("ws");
    TinyModel.llama().write(workspacePath).close();
  }

  private static EngineSettings settings(int ranks, long deadlineMillis) {
    return new EngineSettings("reference", ranks, 4, 32, 0, 0, true, 0, deadlineMillis);
  }

  private RankedExecutor open(int ranks) throws IOException {
    try (Workspace workspace = Workspace.open(workspacePath)) {
      return RankedExecutor.openOnHost(
          workspace,
          settings(ranks, 30_000),
          new ReferenceBackendFactory(),
          () -> new GreedySampler(VOCABULARY));
    }
  }

  private RankedExecutor open(int ranks, long deadlineMillis, LogitTasks.Factory tasks)
      throws IOException {
    try (Workspace workspace = Workspace.open(workspacePath)) {
      return RankedExecutor.open(
          workspace,
          settings(ranks, deadlineMillis),
          new ReferenceBackendFactory(),
          HeapCollective.group(ranks, Duration.ofMillis(30_000)),
          tasks);
    }
  }

  /** A step of one sequence of some tokens that scores its last one. */
  private static StepPlan plan(int tokens, int block) {
    int[] positions = new int[tokens];
    for (int i = 0; i < tokens; i++) {
      positions[i] = i;
    }
    return new StepPlan(
        new int[tokens],
        positions,
        new int[] {0, tokens},
        new int[] {tokens},
        new int[][] {{block}},
        List.of(new LogitTask.Score(tokens - 1, 2, 7)));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 8})
  void everyRankTakesWhatWasPlanned(int ranks) throws IOException {
    try (RankedExecutor executor = open(ranks)) {
      assertEquals(5, executor.memory().size());
      for (MemoryEntry entry : executor.memory()) {
        assertTrue(entry.plannedBytes() > 0, entry::toString);
        assertEquals(entry.plannedBytes(), entry.usedBytes(), entry::toString);
      }
    }
  }

  @Test
  void errorOfTheFailingRankIsTheCause() throws IOException {
    IllegalStateException error = new IllegalStateException("rank 2 lost its device");
    LogitTasks.Factory failing =
        (backend, collective, gathered) ->
            (first, rows, logits) -> {
              if (collective.rank() == 2) {
                throw error;
              }
              collective.barrier();
            };
    try (RankedExecutor executor = open(4, 30_000, failing)) {
      long start = System.nanoTime();

      EngineException seen =
          assertThrows(EngineException.class, () -> executor.execute(plan(3, 0)));

      assertSame(error, seen.getCause());
      assertTrue(seen.getMessage().startsWith("step 0: rank 2 failed:"), seen.getMessage());
      assertTrue(
          System.nanoTime() - start < Duration.ofSeconds(20).toNanos(),
          "the others waited for their deadline");
      EngineException after =
          assertThrows(EngineException.class, () -> executor.execute(plan(3, 0)));
      assertTrue(after.getMessage().contains("has failed before"), after.getMessage());
    }
  }

  @Test
  void stepPastItsDeadlineNamesTheLateRank() throws IOException {
    CountDownLatch never = new CountDownLatch(1);
    LogitTasks.Factory hanging =
        (backend, collective, gathered) ->
            (first, rows, logits) -> {
              if (collective.rank() == 1) {
                try {
                  never.await();
                } catch (InterruptedException e) {
                  throw new IllegalStateException(e);
                }
              }
            };
    try (RankedExecutor executor = open(2, 300, hanging)) {
      EngineException seen =
          assertThrows(EngineException.class, () -> executor.execute(plan(3, 0)));

      assertTrue(seen.getCause() instanceof TimeoutException, seen::toString);
      assertTrue(seen.getMessage().contains("rank 1 at"), seen.getMessage());
      assertTrue(seen.getMessage().contains("RankedExecutorTest"), seen.getMessage());
      assertTrue(!seen.getMessage().contains("rank 0 at"), seen.getMessage());
    }
  }

  @Test
  void failureToLoadGivesEverythingBack() {
    IllegalStateException error = new IllegalStateException("no room on rank 1");
    EngineException seen =
        assertThrows(
            EngineException.class,
            () ->
                open(
                        2,
                        30_000,
                        (backend, collective, gathered) -> {
                          if (collective.rank() == 1) {
                            throw error;
                          }
                          return (first, rows, logits) -> {};
                        })
                    .close());
    assertSame(error, seen.getCause());
    assertTrue(seen.getMessage().startsWith("loading: rank 1 failed:"), seen.getMessage());
    assertEquals(0, seen.getSuppressed().length, "closing complained too");
  }

  @Test
  void plansBeyondTheLimitsAreRefusedAndChangeNothing() throws IOException {
    try (RankedExecutor executor = open(2)) {
      float[] before = executor.execute(plan(3, 0)).logprobs();

      refused(executor, plan(33, 0), "tokens of the step: expected 0 to 32, found 33");
      refused(executor, plan(3, executor.kvBlocks()), "KV block");
      refused(executor, plan(3, -1), "KV block");
      StepPlan good = plan(3, 0);
      refused(
          executor,
          new StepPlan(
              new int[] {0, VOCABULARY, 0},
              good.positions(),
              good.queryStarts(),
              good.contextTokens(),
              good.blockTables(),
              List.of()),
          "token id: expected 0 to 100, found 101");
      refused(
          executor,
          new StepPlan(
              good.tokenIds(),
              new int[] {0, 2, 1},
              good.queryStarts(),
              good.contextTokens(),
              good.blockTables(),
              List.of()),
          "expected position 1, found 2");
      refused(
          executor,
          new StepPlan(
              good.tokenIds(),
              good.positions(),
              good.queryStarts(),
              good.contextTokens(),
              new int[][] {{}},
              List.of()),
          "expected 1 blocks for 3 tokens, found 0");
      refused(
          executor,
          new StepPlan(
              good.tokenIds(),
              good.positions(),
              good.queryStarts(),
              good.contextTokens(),
              good.blockTables(),
              List.of(new LogitTask.Score(2, 0, 1), new LogitTask.Score(1, 0, 1))),
          "expected rows to ascend");

      assertArrayEquals(before, executor.execute(plan(3, 0)).logprobs());
    }
  }

  private static void refused(RankedExecutor executor, StepPlan plan, String message) {
    IllegalArgumentException seen =
        assertThrows(IllegalArgumentException.class, () -> executor.execute(plan));
    assertTrue(seen.getMessage().contains(message), seen.getMessage());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4})
  void tasksThatShareARowAreEachAnswered(int ranks) throws IOException {
    try (RankedExecutor executor = open(ranks)) {
      StepPlan one = plan(9, 0);
      List<LogitTask> tasks = new ArrayList<>();
      for (int row : new int[] {0, 4, 4, 4, 4, 4, 8}) {
        tasks.add(new LogitTask.Score(row, 1 + tasks.size(), tasks.size()));
      }

      StepResult together = executor.execute(with(one, tasks));

      for (int i = 0; i < tasks.size(); i++) {
        StepResult alone = executor.execute(with(one, List.of(tasks.get(i))));
        assertEquals(i, together.tokenIds()[i]);
        assertEquals(alone.logprobs()[0], together.logprobs()[i]);
        assertArrayEquals(alone.topTokenIds()[0], together.topTokenIds()[i]);
        assertArrayEquals(alone.topLogprobs()[0], together.topLogprobs()[i]);
      }
    }
  }

  private static StepPlan with(StepPlan plan, List<LogitTask> tasks) {
    return new StepPlan(
        plan.tokenIds(),
        plan.positions(),
        plan.queryStarts(),
        plan.contextTokens(),
        plan.blockTables(),
        tasks);
  }

  @Test
  void stepsAllocateNothingToSpeakOf() throws IOException {
    try (Workspace workspace = Workspace.open(workspacePath);
        RankedExecutor executor =
            RankedExecutor.openOnHost(
                workspace,
                settings(2, 30_000),
                new ReferenceBackendFactory(),
                () -> (task, logits, offset, result, index) -> {})) {
      StepPlan step = plan(32, 0);
      for (int i = 0; i < 20; i++) {
        executor.execute(step);
      }
      long before = bytesAllocatedByRanks();
      int steps = 50;
      for (int i = 0; i < steps; i++) {
        executor.execute(step);
      }
      long perStep = (bytesAllocatedByRanks() - before) / steps;
      // What the JDK's own locks allocate in a wait; any activation of the step would be more.
      assertTrue(perStep < 4096, "the ranks allocated %d bytes a step".formatted(perStep));
    }
  }

  private static long bytesAllocatedByRanks() {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long bytes = 0;
    for (ThreadInfo thread : threads.dumpAllThreads(false, false)) {
      if (thread.getThreadName().startsWith("millrace-rank-")) {
        bytes += threads.getThreadAllocatedBytes(thread.getThreadId());
      }
    }
    return bytes;
  }

  @Test
  void stepWithoutTokensIsFine() throws IOException {
    try (RankedExecutor executor = open(2)) {
      StepPlan empty =
          new StepPlan(new int[0], new int[0], new int[1], new int[0], new int[0][], List.of());
      assertEquals(0, executor.execute(empty).tokenIds().length);
    }
  }

  @Test
  void closedExecutorRunsNothing() throws IOException {
    RankedExecutor executor = open(2);
    executor.close();
    executor.close();
    assertThrows(EngineException.class, () -> executor.execute(plan(3, 0)));
  }
}
