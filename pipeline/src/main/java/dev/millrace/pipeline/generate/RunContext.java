package dev.millrace.pipeline.generate;

import dev.millrace.pipeline.group.Chunk;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.Counters;
import dev.millrace.pipeline.job.JobCancelledException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * What a run shares with the functions of its pipeline where both are in one process: its counters
 * and its cancel token. Functions travel by serialisation, so they find it by the run's id; in
 * another process they find none and count for themselves.
 */
public final class RunContext implements AutoCloseable {
  private static final Map<String, RunContext> OF_PROCESS = new ConcurrentHashMap<>();

  /** How often a thread that is held looks whether the run was cancelled. */
  private static final long HOLD_MILLIS = 50;

  private final String id;
  private final Counters counters;
  private final CancelToken cancel;
  private final Queue<Chunk> order;
  private final boolean ordered;
  private final AtomicInteger openBatches = new AtomicInteger();
  private final AtomicReference<RuntimeException> failure = new AtomicReference<>();
  private final List<EngineLease> leases = new ArrayList<>(); // guarded by this
  private boolean ended; // guarded by this

  private RunContext(String id, Counters counters, CancelToken cancel, List<Chunk> chunks) {
    this.id = id;
    this.order = new ConcurrentLinkedQueue<>(chunks);
    this.ordered = !chunks.isEmpty();
    this.counters = counters;
    this.cancel = cancel;
  }

  /**
   * Makes a run known to this process, until closed.
   *
   * @param chunks the run's chunks in the order of work
   */
  public static RunContext open(
      String id, Counters counters, CancelToken cancel, List<Chunk> chunks) {
    RunContext context = new RunContext(id, counters, cancel, chunks);
    OF_PROCESS.put(id, context);
    return context;
  }

  /**
   * The run of this id; null stands for no run. If its client is in another process, all functions
   * here share one of their own. A run that has ended here is found as a cancelled one.
   */
  public static RunContext find(String id) {
    return id == null ? ofWorker() : OF_PROCESS.computeIfAbsent(id, key -> ofWorker());
  }

  private static RunContext ofWorker() {
    return new RunContext("", new Counters(), new CancelToken(), List.of());
  }

  /** Whether the client of the run is in this process. */
  static boolean isOpen(String id) {
    RunContext context = OF_PROCESS.get(id);
    return context != null && context.id.equals(id);
  }

  public Counters counters() {
    return counters;
  }

  public CancelToken cancel() {
    return cancel;
  }

  /**
   * The chunk to work on for a descriptor. A runner hands descriptors over in any order, but the
   * order of work is worth keeping: it keeps prefixes together and starts long requests early. So
   * where all workers are in this process a descriptor counts as a ticket for the next chunk in
   * line; elsewhere it stands for its own.
   */
  Chunk take(Chunk descriptor) {
    Chunk next = order.poll();
    return next != null ? next : descriptor;
  }

  /** A function of the run failed; the first failure is kept. */
  void failed(RuntimeException cause) {
    failure.compareAndSet(null, cause);
  }

  /** What ended a function in this process, or null. */
  public RuntimeException failure() {
    return failure.get();
  }

  /**
   * Gives a function's lease back when the run ends, if the function has not: a runner does not
   * tear down what it starts while it shuts down.
   *
   * @throws JobCancelledException if the run has ended
   */
  void keep(EngineLease lease) {
    synchronized (this) {
      if (!ended) {
        if (isOpen(id)) {
          leases.add(lease);
        }
        return;
      }
    }
    lease.close();
    throw new JobCancelledException("the run has ended");
  }

  void batchOpened() {
    openBatches.incrementAndGet();
  }

  void batchClosed() {
    if (openBatches.decrementAndGet() == 0) {
      synchronized (this) {
        notifyAll();
      }
    }
  }

  /**
   * Keeps the calling thread while the last chunks are at work on other threads. The direct runner
   * looks for work without a pause on every thread that it has to spare: one core of those that
   * compute, for nothing.
   */
  synchronized void holdAtEnd() {
    try {
      while (ordered && order.isEmpty() && openBatches.get() > 0 && !cancel.isCancelled()) {
        wait(HOLD_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the run is ending
    }
  }

  /**
   * Waits until no function has a batch open, so that nothing writes once the run is over.
   *
   * @return false if that took longer than the patience given
   */
  public boolean awaitQuiet(Duration patience) {
    long deadline = System.nanoTime() + patience.toNanos();
    while (openBatches.get() > 0 && System.nanoTime() < deadline) {
      LockSupport.parkNanos(1_000_000);
    }
    return openBatches.get() == 0;
  }

  /**
   * Ends the run and gives its engines back. A runner may still start functions of a pipeline that
   * it was told to cancel.
   */
  @Override
  public void close() {
    RunContext later = new RunContext(id, counters, new CancelToken(), List.of());
    later.cancel.cancel();
    later.ended = true;
    OF_PROCESS.put(id, later);
    List<EngineLease> kept;
    synchronized (this) {
      ended = true;
      kept = List.copyOf(leases);
    }
    kept.forEach(EngineLease::close);
  }
}
