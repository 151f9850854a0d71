package dev.millrace.jobs.run;

import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.pipeline.job.CancelToken;
import java.io.PrintStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Turns SIGINT and SIGTERM into a clean end: the job is cancelled, what is finished is kept, and
 * the process exits with {@link ExitCode#INTERRUPTED} whichever signal it was.
 */
public final class Interruption implements AutoCloseable {
  /** Longest that a cancelled job may take to stop; it needs about one decode step. */
  private static final long PATIENCE_SECONDS = 30;

  private final CountDownLatch ended = new CountDownLatch(1);
  private final Thread hook;

  private Interruption(CancelToken cancel, PrintStream err) {
    hook = new Thread(() -> interrupted(cancel, err), "interruption");
  }

  /** Watches for signals until closed. */
  public static Interruption watch(CancelToken cancel, PrintStream err) {
    Interruption interruption = new Interruption(cancel, err);
    Runtime.getRuntime().addShutdownHook(interruption.hook);
    return interruption;
  }

  private void interrupted(CancelToken cancel, PrintStream err) {
    err.println();
    err.println("Interrupted: stopping; finished rows are kept.");
    cancel.cancel();
    boolean stopped = false;
    try {
      stopped = ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    err.println(
        stopped
            ? "Run the same command again to go on from here."
            : "Did not stop within "
                + PATIENCE_SECONDS
                + " s and was ended. Run the same command again to go on from what was committed.");
    Runtime.getRuntime().halt(ExitCode.INTERRUPTED.number());
  }

  /** The job has ended, by itself or because it was cancelled. */
  @Override
  public void close() {
    ended.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // a shutdown is under way: the hook ends the process once this thread is done
      await();
    }
  }

  /** The hook halts the JVM; this thread must not print or exit before it does. */
  private void await() {
    try {
      hook.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
