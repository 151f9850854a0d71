package dev.millrace.pipeline.job;

import java.util.concurrent.atomic.LongAdder;

/** What a stage has done so far; many threads add, one reads. */
public final class Counters {
  private final LongAdder rowsDone = new LongAdder();
  private final LongAdder rowsResumed = new LongAdder();
  private final LongAdder rowsFailed = new LongAdder();
  private final LongAdder promptTokens = new LongAdder();
  private final LongAdder cachedTokens = new LongAdder();
  private final LongAdder outputTokens = new LongAdder();
  private final LongAdder chunksDone = new LongAdder();

  /** Counts one row. */
  public void row(boolean failed, boolean resumed, long prompt, long cached, long output) {
    rowsDone.increment();
    if (failed) {
      rowsFailed.increment();
    }
    if (resumed) {
      rowsResumed.increment();
    }
    tokens(prompt, cached, output);
  }

  /** Counts tokens. */
  public void tokens(long prompt, long cached, long output) {
    promptTokens.add(prompt);
    cachedTokens.add(cached);
    outputTokens.add(output);
  }

  /** Counts a committed chunk. */
  public void chunk() {
    chunksDone.increment();
  }

  public long rowsResumed() {
    return rowsResumed.sum();
  }

  /** Where the stage stands. */
  public JobProgress progress(JobStage stage, long rowsTotal, int chunksTotal, double seconds) {
    return new JobProgress(
        stage,
        rowsTotal,
        rowsDone.sum(),
        rowsResumed.sum(),
        rowsFailed.sum(),
        promptTokens.sum(),
        cachedTokens.sum(),
        outputTokens.sum(),
        chunksTotal,
        (int) chunksDone.sum(),
        seconds);
  }
}
