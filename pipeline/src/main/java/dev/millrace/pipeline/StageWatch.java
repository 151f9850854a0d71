package dev.millrace.pipeline;

import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.Counters;
import dev.millrace.pipeline.job.JobListener;
import dev.millrace.pipeline.job.JobStage;

/**
 * Follows one stage: tells the listener when it begins, several times a second how far it is, and
 * when it ends. Calls come one at a time.
 */
final class StageWatch implements AutoCloseable {
  private static final long PERIOD_MILLIS = 200;

  private final JobListener listener;
  private final JobStage stage;
  private final Counters counters;
  private final long rowsTotal;
  private final int chunksTotal;
  private final CancelToken cancel;
  private final long start = System.nanoTime();
  private final Thread ticker;
  private volatile boolean ended;
  private volatile RuntimeException failure;
  private boolean resumed;
  private boolean done;
  private double seconds;

  /**
   * @param rowsTotal rows of the stage, or -1 if they are not known
   * @param cancel triggered if the listener throws
   */
  StageWatch(
      JobListener listener,
      JobStage stage,
      Counters counters,
      long rowsTotal,
      int chunksTotal,
      CancelToken cancel) {
    this.listener = listener;
    this.stage = stage;
    this.counters = counters;
    this.rowsTotal = rowsTotal;
    this.chunksTotal = chunksTotal;
    this.cancel = cancel;
    listener.stageStarted(stage);
    ticker = new Thread(this::tick, "millrace-progress");
    ticker.setDaemon(true);
    ticker.start();
  }

  private void tick() {
    try {
      while (!ended) {
        Thread.sleep(PERIOD_MILLIS);
        if (!ended) {
          report();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the stage has ended
    } catch (RuntimeException e) {
      failure = e;
      cancel.cancel();
    }
  }

  private void report() {
    listener.progressed(counters.progress(stage, rowsTotal, chunksTotal, elapsed()));
  }

  private double elapsed() {
    return (System.nanoTime() - start) / 1e9;
  }

  /** Says that an earlier run had committed all of the stage. */
  void resumed() {
    resumed = true;
  }

  /** Says that the stage is complete; one that is closed without has failed. */
  void done() {
    done = true;
  }

  /** Time from begin to end, once closed. */
  double seconds() {
    return seconds;
  }

  @Override
  public void close() {
    ended = true;
    ticker.interrupt();
    boolean interrupted = false;
    while (ticker.isAlive()) {
      try {
        ticker.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    seconds = elapsed();
    if (failure != null) {
      throw failure;
    }
    if (done) {
      report();
      listener.stageFinished(stage, seconds, resumed);
    }
  }
}
