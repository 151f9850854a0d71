package dev.millrace.engine;

import dev.millrace.api.engine.EngineException;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.RequestFailure;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The requests between submission and delivery, and whether the engine takes more. Submitters wait
 * here for room, in the order they came, the step thread for work. Thread-safe.
 */
final class InFlight {
  private final int capacity;

  /** Held while waiting for room: a request of many sequences is not passed by those of few. */
  private final ReentrantLock entrance = new ReentrantLock(true);

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition roomOrEnd = lock.newCondition();
  private final Condition workOrEnd = lock.newCondition();
  private final Set<ActiveRequest> requests = new LinkedHashSet<>();
  private final List<ActiveRequest> arrivals = new ArrayList<>();
  private final List<ActiveRequest> cancellations = new ArrayList<>();
  private int sequences;
  private boolean closing;
  private EngineException failure;

  /**
   * @param capacity most sequences at a time, but for a request that has more and is alone;
   *     submitters wait beyond it
   */
  InFlight(int capacity) {
    this.capacity = capacity;
  }

  /**
   * What has come in since the last look.
   *
   * @param arrivals requests to start
   * @param cancellations requests to drop, some of them among the arrivals
   */
  record Work(List<ActiveRequest> arrivals, List<ActiveRequest> cancellations) {}

  /**
   * Waits for room and takes a request in.
   *
   * @throws EngineException if the engine has failed or is closed
   */
  void enter(ActiveRequest request) throws InterruptedException {
    entrance.lockInterruptibly();
    try {
      lock.lockInterruptibly();
      try {
        requireOpen();
        while (!requests.isEmpty() && sequences + request.sequences() > capacity) {
          roomOrEnd.await();
          requireOpen();
        }
        requests.add(request);
        sequences += request.sequences();
      } finally {
        lock.unlock();
      }
    } finally {
      entrance.unlock();
    }
  }

  /** Hands a request that entered to the step thread. */
  void start(ActiveRequest request) {
    lock.lock();
    try {
      if (failure != null || closing) {
        return; // whoever failed or closes the engine settles all that entered
      }
      arrivals.add(request);
      workOrEnd.signal();
    } finally {
      lock.unlock();
    }
  }

  void cancel(ActiveRequest request) {
    lock.lock();
    try {
      if (requests.contains(request)) {
        cancellations.add(request);
        workOrEnd.signal();
      }
    } finally {
      lock.unlock();
    }
  }

  /** A request's completion is about to be delivered: it makes room. */
  void leave(ActiveRequest request) {
    lock.lock();
    try {
      if (requests.remove(request)) {
        sequences -= request.sequences();
        roomOrEnd.signal();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * New work for the step thread, or null when the engine is to end.
   *
   * @param idle whether to wait for some
   */
  Work take(boolean idle) throws InterruptedException {
    lock.lock();
    try {
      while (idle && arrivals.isEmpty() && cancellations.isEmpty() && !isEnding()) {
        workOrEnd.await();
      }
      if (isEnding()) {
        return null;
      }
      Work work = new Work(List.copyOf(arrivals), List.copyOf(cancellations));
      arrivals.clear();
      cancellations.clear();
      return work;
    } finally {
      lock.unlock();
    }
  }

  /** Takes no more requests. Returns whether this is the first call. */
  boolean close() {
    lock.lock();
    try {
      boolean first = !closing;
      closing = true;
      signalEnd();
      return first;
    } finally {
      lock.unlock();
    }
  }

  /** The engine is of no use any more; the first error is the one that counts. */
  void fail(EngineException error) {
    lock.lock();
    try {
      if (failure == null) {
        failure = error;
      }
      signalEnd();
    } finally {
      lock.unlock();
    }
  }

  /** Settles every request that is left, by failure or else by cancellation. */
  void settleAll() {
    List<ActiveRequest> left;
    RequestFailure why;
    lock.lock();
    try {
      left = new ArrayList<>(requests);
      why =
          failure != null
              ? new RequestFailure(FailureReason.ENGINE_FAILED, failure.getMessage())
              : new RequestFailure(FailureReason.CANCELLED, "the engine was closed");
    } finally {
      lock.unlock();
    }
    left.forEach(request -> request.settle(why));
  }

  private void signalEnd() {
    roomOrEnd.signalAll();
    workOrEnd.signalAll();
  }

  private boolean isEnding() {
    return closing || failure != null;
  }

  private void requireOpen() {
    if (failure != null) {
      throw new EngineException(
          "the engine has failed and takes no more requests: " + failure.getMessage(), failure);
    }
    if (closing) {
      throw new EngineException("the engine is closed");
    }
  }
}
