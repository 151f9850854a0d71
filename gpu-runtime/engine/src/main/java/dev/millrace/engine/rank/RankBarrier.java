package dev.millrace.engine.rank;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Where the ranks of one process meet. Waiting ranks are parked. What a rank wrote before it came
 * is seen by all after they left.
 */
final class RankBarrier {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final long deadlineNanos;

  /** Meetings each rank has come to; all equal when none waits. */
  private final long[] arrivals;

  private int waiting;
  private long meetings;
  private RankFailedException failure;

  RankBarrier(int ranks, Duration deadline) {
    arrivals = new long[ranks];
    deadlineNanos = deadline.toNanos();
  }

  /**
   * Waits for all ranks.
   *
   * @throws RankFailedException if a rank failed, or did not come within the deadline: then the
   *     group fails, in the name of the rank that waited
   */
  void await(int rank) {
    lock.lock();
    try {
      throwIfFailed();
      arrivals[rank]++;
      waiting++;
      if (waiting == arrivals.length) {
        waiting = 0;
        meetings++;
        changed.signalAll();
        return;
      }
      awaitMeeting(rank, meetings);
    } finally {
      lock.unlock();
    }
  }

  private void awaitMeeting(int rank, long before) {
    long left = deadlineNanos;
    while (meetings == before) {
      throwIfFailed();
      if (left <= 0) {
        fail(rank, new TimeoutException(lateMessage(before)));
        throwIfFailed();
      }
      try {
        left = changed.awaitNanos(left);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        fail(rank, e);
        throwIfFailed();
      }
    }
  }

  private String lateMessage(long before) {
    List<Integer> late = new ArrayList<>();
    for (int rank = 0; rank < arrivals.length; rank++) {
      if (arrivals[rank] == before) {
        late.add(rank);
      }
    }
    return "waited %d ms for ranks %s at meeting %d; they hang, or are slower than the step deadline allows: raise it if the machine is only slow"
        .formatted(TimeUnit.NANOSECONDS.toMillis(deadlineNanos), late, before + 1);
  }

  /** Fails the group unless it has failed already. */
  void fail(int rank, Throwable error) {
    lock.lock();
    try {
      if (failure == null) {
        failure = new RankFailedException(rank, error);
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  private void throwIfFailed() {
    if (failure != null) {
      // A new one for each rank, so that each trace shows where that rank was.
      throw new RankFailedException(failure.rank(), failure.getCause());
    }
  }
}
