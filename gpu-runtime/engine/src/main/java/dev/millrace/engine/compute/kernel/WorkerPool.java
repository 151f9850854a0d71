package dev.millrace.engine.compute.kernel;

import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * Threads that share the units of one piece of work with the thread that owns the pool. Handing
 * work out allocates nothing. Idle threads look out for work for {@value #SPIN_NANOS} ns, longer
 * than the pauses within a step, then park.
 *
 * <p>All there is to agree on sits in one word: the units of the work at hand, and the next one to
 * claim. Who claims a unit by adding one learns in the same instant whether it exists; and since
 * work ends only when all its claimed units have, what the claimer then reads is still this work's.
 */
public final class WorkerPool implements AutoCloseable {
  private static final long SPIN_NANOS = 50_000;
  private static final int SPINS_PER_CLOCK = 64;

  /** Looks at the last units of others before the owner offers its core to them. */
  private static final int SPINS_BEFORE_YIELD = 10_000;

  private final Thread[] threads;
  private final AtomicIntegerArray parked;

  /** Units in the high half, the next unclaimed one in the low half. */
  private final AtomicLong claims = new AtomicLong();

  private final AtomicLong unitsDone = new AtomicLong();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private Work work = (worker, unit) -> {};
  private volatile boolean closed;

  /**
   * @param name of the threads
   * @param workers threads that work, the owner's included; at least 1
   */
  public WorkerPool(String name, int workers) {
    if (workers < 1) {
      throw new IllegalArgumentException("expected at least 1 worker, found " + workers);
    }
    threads = new Thread[workers - 1];
    parked = new AtomicIntegerArray(workers);
    for (int i = 0; i < threads.length; i++) {
      int worker = i + 1;
      threads[i] = new Thread(() -> serve(worker), name + " worker " + worker);
      threads[i].setDaemon(true);
      threads[i].start();
    }
  }

  /** Threads that work, the owner's included. */
  public int workers() {
    return threads.length + 1;
  }

  /**
   * Does all units of some work and returns when they are done. For the owner's thread alone, and
   * not from within work.
   *
   * @throws IllegalStateException if a unit threw, with that as cause; the other units were done
   */
  public void run(Work next, int units) {
    if (units <= 0) {
      return;
    }
    work = next;
    unitsDone.set(0);
    claims.set((long) units << 32);
    if (units > 1) {
      wake();
    }
    claimAndDo(0);
    for (int spins = 0; unitsDone.get() < units; spins++) {
      if (spins < SPINS_BEFORE_YIELD) {
        Thread.onSpinWait();
      } else {
        Thread.yield();
      }
    }
    Throwable thrown = failure.get();
    if (thrown != null) {
      failure.set(null);
      throw new IllegalStateException("a unit of parallel work failed: " + thrown, thrown);
    }
  }

  private void wake() {
    for (int i = 0; i < threads.length; i++) {
      if (parked.get(i + 1) != 0) {
        parked.set(i + 1, 0);
        LockSupport.unpark(threads[i]);
      }
    }
  }

  private boolean unitsLeft() {
    long seen = claims.get();
    return (int) seen < (int) (seen >>> 32);
  }

  private void claimAndDo(int worker) {
    while (unitsLeft()) {
      long claim = claims.getAndIncrement();
      int unit = (int) claim;
      if (unit >= (int) (claim >>> 32)) {
        return;
      }
      try {
        work.run(worker, unit);
      } catch (Throwable e) {
        // The owner rethrows it: a unit that is not counted would leave it waiting for ever.
        failure.compareAndSet(null, e);
      }
      unitsDone.incrementAndGet();
    }
  }

  private void serve(int worker) {
    long idleSince = System.nanoTime();
    int spins = 0;
    while (!closed) {
      if (unitsLeft()) {
        claimAndDo(worker);
        idleSince = System.nanoTime();
        spins = 0;
      } else if (++spins % SPINS_PER_CLOCK == 0 && System.nanoTime() - idleSince > SPIN_NANOS) {
        park(worker);
        idleSince = System.nanoTime();
      } else {
        Thread.onSpinWait();
      }
    }
  }

  private void park(int worker) {
    parked.set(worker, 1);
    // Looks once more after saying so: who brings work first publishes it, then looks who is
    // parked.
    while (parked.get(worker) != 0 && !unitsLeft() && !closed) {
      LockSupport.park(this);
    }
    parked.set(worker, 0);
  }

  /** Ends the threads. Idempotent. */
  @Override
  public void close() {
    closed = true;
    boolean interrupted = false;
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
