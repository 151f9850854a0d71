package dev.millrace.jobs.evaluate.night;

import dev.millrace.jobs.console.Console;
import dev.millrace.pipeline.job.CancelToken;
import java.time.Clock;
import java.time.Instant;
import java.util.Optional;

/**
 * Cancels a night when its time is up. It looks at the clock again and again rather than sleeping
 * until then, so that a machine that was suspended ends late nights too.
 */
final class Deadline implements AutoCloseable {
  private static final long LOOK_MILLIS = 200;

  private final CancelToken cancel = new CancelToken();
  private final Optional<Instant> end;
  private final Clock clock;
  private final Thread watcher;
  private volatile boolean passed;

  private Deadline(Optional<Instant> end, Clock clock, Console console) {
    this.end = end;
    this.clock = clock;
    this.watcher = new Thread(() -> look(console), "night-deadline");
    watcher.setDaemon(true);
  }

  static Deadline watch(Optional<Instant> end, Clock clock, Console console) {
    Deadline deadline = new Deadline(end, clock, console);
    if (end.isPresent()) {
      deadline.watcher.start();
    }
    return deadline;
  }

  private void look(Console console) {
    while (clock.instant().isBefore(end.orElseThrow())) {
      try {
        Thread.sleep(LOOK_MILLIS);
      } catch (InterruptedException e) {
        return; // closed: the night ended in time
      }
    }
    passed = true;
    console.notice("The night's deadline has come: stopping.");
    cancel.cancel();
  }

  CancelToken cancel() {
    return cancel;
  }

  boolean hasPassed() {
    return passed;
  }

  @Override
  public void close() {
    watcher.interrupt();
  }
}
