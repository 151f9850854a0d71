package dev.millrace.pipeline;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.pipeline.generate.SoleUse;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.JobListener;
import dev.millrace.pipeline.job.JobProgress;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.JobStage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Engines that fail on a request, and jobs that are stopped. */
final class EngineFailureTest {
  @TempDir private Path folder;

  private JobSettings job(int rows, Set<Integer> poison) throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < rows; i++) {
      lines.add("{'prompt':'" + (poison.contains(i) ? "POISON " : "question ") + i + "'}");
    }
    Path input = Jobs.lines(folder.resolve("in.jsonl"), lines.toArray(String[]::new));
    return Jobs.settings(input, folder.resolve("out"));
  }

  @Test
  @Timeout(120)
  void requestsThatKillTheEngineAreFoundAndTheOthersAnswered() throws IOException {
    Set<Integer> poison = Set.of(0, 57, 58, 211, 299);
    ScriptedEngineFactory factory = ScriptedEngineFactory.named("poison");
    JobSettings settings = job(300, poison).withChunkRows(64).withAllowedFailures(1);

    JobReport report = BatchJob.of(settings, factory).run();

    assertEquals(Map.of(FailureReason.ENGINE_FAILED, 5L), report.failures());
    List<JsonNode> rows = Jobs.rows(folder.resolve("out/in.jsonl"));
    for (int i = 0; i < 300; i++) {
      if (poison.contains(i)) {
        String error = rows.get(i).get("output_error").asText();
        assertTrue(error.contains("tried alone: the scripted engine met poison"), error);
      } else {
        assertEquals("echo:<user>question " + i, rows.get(i).get("output").asText());
      }
    }
    int opened = factory.counts().opened.get();
    System.out.println("engines opened for 5 poison rows of 300: " + opened);
    assertEquals(opened, factory.counts().closed.get(), "every engine is closed");
  }

  @Test
  @Timeout(120)
  void anEngineThatFailsOnEverythingEndsTheJobAsRetryable() throws IOException {
    Set<Integer> all = new java.util.HashSet<>();
    for (int i = 0; i < 100; i++) {
      all.add(i);
    }

    JobException failed =
        assertThrows(
            JobException.class,
            () -> BatchJob.of(job(100, all), ScriptedEngineFactory.named("all-poison")).run());

    assertEquals(ExitCode.RETRYABLE, failed.exitCode(), failed.toString());
    assertTrue(failed.getMessage().contains("without one answer"), failed.getMessage());
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 300})
  @Timeout(120)
  void rowsOfABrokenEngineAreAnsweredOnceItIsMended(int rows) throws IOException {
    ScriptedEngineFactory factory = ScriptedEngineFactory.named("broken-" + rows);
    JobSettings settings = job(rows, Set.of()).withChunkRows(64);

    JobException failed =
        assertThrows(
            JobException.class, () -> BatchJob.of(settings, factory.withBroken(true)).run());
    int openedBroken = factory.counts().opened.get();
    JobReport report = BatchJob.of(settings, factory).run();

    assertEquals(ExitCode.RETRYABLE, failed.exitCode(), failed.toString());
    assertTrue(failed.getMessage().contains("the engine is broken"), failed.getMessage());
    assertEquals(Map.of(), report.failures(), "the engine was to blame, not a row");
    assertEquals(rows, report.completed());
    int chunks = (rows + 63) / 64;
    assertTrue(openedBroken <= 3 * chunks, openedBroken + " engines, as if a row were to blame");
    assertAllClosed(factory);
  }

  @Test
  @Timeout(120)
  void aCancelledJobEndsSoonAndContinuesLater() throws IOException {
    ScriptedEngineFactory slow =
        ScriptedEngineFactory.named("cancel").withRequestNanos(TimeUnit.MILLISECONDS.toNanos(3));
    JobSettings settings = job(2000, Set.of()).withChunkRows(500);
    CancelToken cancel = new CancelToken();
    long[] cancelledAt = new long[1];
    JobListener listener =
        new JobListener() {
          @Override
          public void progressed(JobProgress progress) {
            if (progress.stage() == JobStage.GENERATE
                && progress.rowsDone() > 100
                && !cancel.isCancelled()) {
              cancelledAt[0] = System.nanoTime();
              cancel.cancel();
            }
          }
        };

    JobException cancelled =
        assertThrows(
            JobException.class,
            () -> BatchJob.of(settings, slow).withListener(listener).withCancelToken(cancel).run());

    double seconds = (System.nanoTime() - cancelledAt[0]) / 1e9;
    System.out.println("cancelled after " + seconds + " s");
    assertEquals(ExitCode.CANCELLED, cancelled.exitCode());
    assertTrue(seconds < 5, seconds + " s");
    assertAllClosed(slow);
    ScriptedEngineFactory fast = ScriptedEngineFactory.named("cancel");
    long before = fast.counts().requests.get();
    JobReport report = BatchJob.of(settings, fast).run();
    assertEquals(2000, report.completed());
    assertTrue(report.resumedRequests() >= 100, report.resumedRequests() + " resumed");
    assertEquals(2000 - report.resumedRequests(), fast.counts().requests.get() - before);
  }

  @Test
  @Timeout(120)
  void anInterruptedJobEndsAsCancelled() throws Exception {
    ScriptedEngineFactory slow =
        ScriptedEngineFactory.named("interrupt").withRequestNanos(TimeUnit.MILLISECONDS.toNanos(3));
    JobSettings settings = job(5000, Set.of());
    Thread job = Thread.currentThread();
    JobListener listener =
        new JobListener() {
          @Override
          public void progressed(JobProgress progress) {
            if (progress.stage() == JobStage.GENERATE && progress.rowsDone() > 50) {
              job.interrupt();
            }
          }
        };

    JobException cancelled =
        assertThrows(
            JobException.class, () -> BatchJob.of(settings, slow).withListener(listener).run());

    assertTrue(Thread.interrupted(), "the interrupt is passed on");
    assertEquals(ExitCode.CANCELLED, cancelled.exitCode(), cancelled.toString());
    assertTrue(Files.exists(folder.resolve("out/_millrace/stage/stage.json")));
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4, 5})
  @Timeout(120)
  void aRowIsNotBlamedForAnEngineThatAnotherJobEnds(int ended) throws IOException {
    JobSettings settings = job(2, Set.of(0)).withAllowedFailures(1);
    SharedEngineFactory factory =
        new SharedEngineFactory(ScriptedEngineFactory.named("ended-" + ended), ended);

    JobReport report = BatchJob.of(settings, factory).run();

    assertEquals(Map.of(FailureReason.ENGINE_FAILED, 1L), report.failures());
    assertEquals(
        "echo:<user>question 1",
        Jobs.rows(folder.resolve("out/in.jsonl")).get(1).get("output").asText());
    assertAllClosed(factory.scripted());
  }

  /**
   * Opens engines that other jobs use too, who end one of them.
   *
   * @param ended which one ends as soon as somebody wants it alone
   */
  private record SharedEngineFactory(ScriptedEngineFactory scripted, int ended)
      implements WrappedEngineFactory {
    @Override
    public Engine openEngine() {
      Engine engine = scripted.openEngine();
      return new SharedEngine(engine, scripted.counts().opened.get() == ended);
    }
  }

  private static final class SharedEngine implements Engine, SoleUse {
    private final Engine engine;
    private final boolean endsWhenClaimed;
    private volatile boolean ended;

    SharedEngine(Engine engine, boolean endsWhenClaimed) {
      this.engine = engine;
      this.endsWhenClaimed = endsWhenClaimed;
    }

    @Override
    public boolean claim() {
      ended = endsWhenClaimed;
      return !ended;
    }

    @Override
    public void release() {}

    @Override
    public EngineInfo info() {
      return engine.info();
    }

    @Override
    public Submission submit(GenerationRequest request, Consumer<Completion> completion)
        throws InterruptedException {
      if (ended) {
        throw new EngineException("another job's request ended it");
      }
      return engine.submit(request, completion);
    }

    @Override
    public EngineStatistics statistics() {
      return engine.statistics();
    }

    @Override
    public void close() {
      engine.close();
    }
  }

  /** What a job that failed has open, the runner's threads close as they come to it. */
  private static void assertAllClosed(ScriptedEngineFactory factory) {
    ScriptedEngineFactory.Counts counts = factory.counts();
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    while (counts.opened.get() != counts.closed.get() && System.nanoTime() < end) {
      LockSupport.parkNanos(1_000_000);
    }
    assertEquals(counts.opened.get(), counts.closed.get(), "every engine is closed");
  }
}
