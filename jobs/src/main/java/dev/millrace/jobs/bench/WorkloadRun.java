package dev.millrace.jobs.bench;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.AtomicReferenceArray;

/** Sends all rows of a workload through an engine, once. */
final class WorkloadRun {
  private static final int REPORT_SECONDS = 10;

  private final Workload workload;
  private final SamplingSettings sampling;
  private final AtomicReferenceArray<Completion> completions;
  private final CountDownLatch finished;
  private final AtomicReference<Completion> failed = new AtomicReference<>();

  /**
   * @param sampling how tokens are drawn; lengths and ends are the workload's
   */
  WorkloadRun(Workload workload, SamplingSettings sampling) {
    this.workload = workload;
    this.sampling = sampling;
    completions = new AtomicReferenceArray<>(workload.size());
    finished = new CountDownLatch(workload.size());
  }

  /** Hears how far the run is. */
  @FunctionalInterface
  interface Progress {
    void done(long rows, double seconds);
  }

  /**
   * Runs to the end.
   *
   * @throws CommandException if a row failed or came back with another length than it should
   */
  RunResult run(Engine engine, Progress progress) throws InterruptedException {
    int[][] prompts = new int[workload.size()][];
    Arrays.setAll(prompts, workload::prompt);
    long start = System.nanoTime();
    for (int row = 0; row < prompts.length && failed.get() == null; row++) {
      submit(engine, row, prompts[row]);
    }
    while (failed.get() == null && !finished.await(REPORT_SECONDS, TimeUnit.SECONDS)) {
      progress.done(workload.size() - finished.getCount(), (System.nanoTime() - start) / 1e9);
    }
    long end = System.nanoTime();
    Completion failure = failed.get();
    if (failure != null) {
      throw new CommandException(
          ExitCode.INTERNAL,
          "The workload's " + failure.id() + " failed: " + failure.failure().message(),
          "Figures of a run that failed say nothing; mend this first.");
    }
    return new RunResult(start, end, check(), digest());
  }

  private void submit(Engine engine, int row, int[] prompt) throws InterruptedException {
    SamplingSettings exact =
        sampling.toBuilder().maxTokens(workload.lengths(row).output()).ignoreEos(true).build();
    engine.submit(
        new GenerationRequest("row-" + row, new Prompt.Tokens(prompt), exact),
        completion -> {
          completions.set(row, completion);
          if (completion.isFailed()) {
            failed.compareAndSet(null, completion);
          }
          finished.countDown();
        });
  }

  /** Prompt tokens that came from the prefix cache; every answer must be as long as asked. */
  private long check() {
    long cached = 0;
    for (int row = 0; row < workload.size(); row++) {
      Completion completion = completions.get(row);
      int found = completion.choices().get(0).tokenIds().length;
      int expected = workload.lengths(row).output();
      if (found != expected) {
        throw new CommandException(
            ExitCode.INTERNAL,
            "Row %d of the workload: expected %d output tokens, found %d"
                .formatted(row, expected, found),
            "Is the model's context long enough for this workload?");
      }
      cached += completion.usage().cachedTokens();
    }
    return cached;
  }

  private String digest() {
    TokenDigest digest = new TokenDigest();
    for (int row = 0; row < workload.size(); row++) {
      digest.add(completions.get(row).choices().get(0).tokenIds());
    }
    return digest.text();
  }
}
