package dev.millrace.pipeline.generate;

import dev.millrace.api.engine.Engine;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/** The right to use a shared engine until closed; closing twice, or never, does no harm. */
public final class EngineLease implements AutoCloseable {
  private final EngineHost.Shared shared;
  private final Duration linger;
  private final AtomicBoolean returned = new AtomicBoolean();

  EngineLease(EngineHost.Shared shared, Duration linger) {
    this.shared = shared;
    this.linger = linger;
  }

  /** The engine, opened again if it was closed after a failure. */
  public Engine engine() {
    return shared.open();
  }

  /** The engine if it is open, else null; opens none. */
  Engine openedEngine() {
    return shared.opened();
  }

  /** How often the engine failed and was opened again. */
  long restarts() {
    return shared.restarts();
  }

  /**
   * Opens a new engine in place of one that failed; the failed one is closed once.
   *
   * @return false if the new one ended before this user had it alone
   */
  boolean replace(Engine failed) throws InterruptedException {
    return shared.replace(failed);
  }

  /** Joins those that use the engine, or gives up when somebody keeps them off for long. */
  boolean tryEnter(Duration patience) throws InterruptedException {
    return shared.use.tryAcquire(patience.toMillis(), TimeUnit.MILLISECONDS);
  }

  void leave() {
    shared.use.release();
  }

  /** Waits until nobody uses the engine and keeps others off it. */
  void enterAlone() throws InterruptedException {
    shared.use.acquire(EngineHost.Shared.PERMITS);
    boolean alone = false;
    try {
      shared.claim();
      alone = true;
    } finally {
      if (!alone) {
        leaveAlone();
      }
    }
  }

  void leaveAlone() {
    shared.unclaim();
    shared.use.release(EngineHost.Shared.PERMITS);
  }

  /**
   * Takes the turn to hand over requests: one batch after the other, so that the order of work is
   * kept and the next batch fills up behind the tail of the one before.
   */
  void startFeeding() throws InterruptedException {
    shared.feeding.lockInterruptibly();
  }

  void stopFeeding() {
    shared.feeding.unlock();
  }

  @Override
  public void close() {
    if (returned.compareAndSet(false, true)) {
      shared.release(linger);
    }
  }
}
