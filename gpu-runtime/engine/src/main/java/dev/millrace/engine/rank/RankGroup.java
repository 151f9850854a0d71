package dev.millrace.engine.rank;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The threads of the ranks, one platform thread each. Parked while there is nothing to do. Work is
 * given from one thread at a time.
 */
public final class RankGroup implements AutoCloseable {
  /** How long a rank may take to notice that it was interrupted. */
  private static final Duration INTERRUPT_GRACE = Duration.ofSeconds(5);

  /** What a rank does. */
  @FunctionalInterface
  public interface RankWork {
    void run(int rank) throws Exception;
  }

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition given = lock.newCondition();
  private final Condition done = lock.newCondition();
  private final List<Thread> threads = new ArrayList<>();
  private final boolean[] busy;
  private RankWork work = rank -> {};
  private int busyRanks;
  private boolean closed;
  private RankFailedException failure;

  /**
   * Starts the threads.
   *
   * @param name first part of their names
   */
  public RankGroup(String name, int ranks) {
    busy = new boolean[ranks];
    for (int rank = 0; rank < ranks; rank++) {
      int self = rank;
      Thread thread = new Thread(() -> serve(self), name + "-rank-" + rank);
      thread.setDaemon(true);
      threads.add(thread);
      thread.start();
    }
  }

  public int ranks() {
    return busy.length;
  }

  private void serve(int rank) {
    while (true) {
      RankWork next = awaitWork(rank);
      if (next == null) {
        return;
      }
      Throwable error = null;
      try {
        next.run(rank);
      } catch (Throwable e) {
        // Every error, even of the JVM, must reach the caller: the other ranks wait for this one.
        error = e;
      }
      finish(rank, error);
    }
  }

  /** The next work of a rank; null when the group is closed. */
  private RankWork awaitWork(int rank) {
    lock.lock();
    try {
      while (!busy[rank]) {
        if (closed) {
          return null;
        }
        given.awaitUninterruptibly();
      }
      // An interrupt was meant for work that has since ended.
      Thread.interrupted();
      return work;
    } finally {
      lock.unlock();
    }
  }

  private void finish(int rank, Throwable error) {
    lock.lock();
    try {
      if (error != null && failure == null) {
        failure =
            error instanceof RankFailedException first
                ? first
                : new RankFailedException(rank, error);
      }
      busy[rank] = false;
      busyRanks--;
      if (busyRanks == 0) {
        done.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Runs work on every rank and waits for all of them.
   *
   * @throws RankFailedException if a rank failed: with the error of the first one
   * @throws TimeoutException if they are not done within the deadline; they are interrupted, and
   *     the message says which were late and where
   * @throws IllegalStateException if the group is closed, or a rank still hangs in work that timed
   *     out
   */
  public void run(RankWork next, Duration deadline) throws TimeoutException {
    lock.lock();
    try {
      if (closed || busyRanks > 0) {
        throw new IllegalStateException(
            closed ? "ranks are closed" : "ranks %s still hang".formatted(busyNames()));
      }
      work = next;
      failure = null;
      busyRanks = busy.length;
      java.util.Arrays.fill(busy, true);
      given.signalAll();
      if (!awaitDone(deadline)) {
        String late = lateMessage(deadline);
        interruptBusy();
        awaitDone(INTERRUPT_GRACE);
        throw new TimeoutException(late);
      }
      if (failure != null) {
        throw failure;
      }
    } finally {
      lock.unlock();
    }
  }

  /** Waits until no rank is busy; interruption is kept for the caller, work is never left alone. */
  private boolean awaitDone(Duration deadline) {
    boolean interrupted = false;
    long left = deadline.toNanos();
    while (busyRanks > 0 && left > 0) {
      try {
        left = done.awaitNanos(left);
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return busyRanks == 0;
  }

  private String lateMessage(Duration deadline) {
    StringBuilder message =
        new StringBuilder("not done after %d ms:".formatted(deadline.toMillis()));
    for (int rank = 0; rank < busy.length; rank++) {
      if (busy[rank]) {
        message.append(" rank %d at %s;".formatted(rank, place(threads.get(rank))));
      }
    }
    message.append(" it hangs; raise the deadline if the machine is only slow");
    return message.toString();
  }

  /** Where a thread is in code of ours, rather than in the wait of the JDK beneath it. */
  private static String place(Thread thread) {
    StackTraceElement[] trace = thread.getStackTrace();
    for (StackTraceElement frame : trace) {
      if (frame.getClassName().startsWith("dev.millrace.")) {
        return frame.toString();
      }
    }
    return trace.length == 0 ? "no place" : trace[0].toString();
  }

  private void interruptBusy() {
    for (int rank = 0; rank < busy.length; rank++) {
      if (busy[rank]) {
        threads.get(rank).interrupt();
      }
    }
  }

  private List<String> busyNames() {
    List<String> names = new ArrayList<>();
    for (int rank = 0; rank < busy.length; rank++) {
      if (busy[rank]) {
        names.add(threads.get(rank).getName());
      }
    }
    return names;
  }

  /**
   * Ends the threads. Idempotent.
   *
   * @throws IllegalStateException if one does not end, naming it
   */
  @Override
  public void close() {
    lock.lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      interruptBusy();
      given.signalAll();
    } finally {
      lock.unlock();
    }
    boolean interrupted = false;
    for (Thread thread : threads) {
      try {
        TimeUnit.NANOSECONDS.timedJoin(thread, INTERRUPT_GRACE.toNanos());
      } catch (InterruptedException e) {
        interrupted = true;
      }
      if (thread.isAlive() && !interrupted) {
        throw new IllegalStateException(thread.getName() + " does not end; it hangs in its work");
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
