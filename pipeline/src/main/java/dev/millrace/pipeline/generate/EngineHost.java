package dev.millrace.pipeline.generate;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.pipeline.store.JobDescription;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Shares one engine among all threads of this process that ask for the same one. Pipeline runners
 * create, copy and drop their functions as they please, so the engine cannot belong to one of them:
 * it lives from the first lease until no lease has been out for a while, or the process ends.
 */
public final class EngineHost {
  /** Engines of this process by what was asked for: the one place that outlives a function. */
  private static final EngineHost OF_PROCESS = new EngineHost();

  private final Map<String, Shared> engines = new HashMap<>();
  private ScheduledExecutorService timer; // made with the first engine that lingers
  private Thread hook; // registered while engines are open: it would pin a job's class loader

  private EngineHost() {}

  private void watch() {
    if (hook == null) {
      hook = new Thread(this::closeAll, "millrace-engine-close");
      Runtime.getRuntime().addShutdownHook(hook);
    }
  }

  private void unwatch() {
    if (!engines.isEmpty() || hook == null) {
      return;
    }
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      return; // the process is ending, and the hook with it
    }
    hook = null;
    if (timer != null) {
      timer.shutdown();
      timer = null;
    }
  }

  private ScheduledExecutorService timer() {
    if (timer == null) {
      timer =
          Executors.newSingleThreadScheduledExecutor(
              task -> {
                Thread thread = new Thread(task, "millrace-engine-linger");
                thread.setDaemon(true);
                return thread;
              });
    }
    return timer;
  }

  /**
   * Leases the engine that the factory opens; the first lease opens it, others wait for that.
   *
   * @param linger how long the engine stays open after the last lease is returned
   * @throws dev.millrace.api.engine.EngineException if it cannot be opened
   */
  public static EngineLease acquire(EngineFactory factory, Duration linger) {
    return OF_PROCESS.lease(factory, linger);
  }

  private EngineLease lease(EngineFactory factory, Duration linger) {
    String key = key(factory);
    Shared shared;
    synchronized (this) {
      shared = engines.computeIfAbsent(key, k -> new Shared(this, k, factory));
      shared.leases++;
      watch();
      shared.cancelClosing();
    }
    try {
      shared.open();
    } catch (RuntimeException | Error e) {
      release(shared, Duration.ZERO);
      throw e;
    }
    return new EngineLease(shared, linger);
  }

  /** Equal for factories that open the same engine: the serialised form holds all settings. */
  private static String key(EngineFactory factory) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(factory);
    } catch (IOException e) {
      throw new UncheckedIOException("the engine factory cannot be serialised", e);
    }
    return factory.fingerprint()
        + " "
        + HexFormat.of().formatHex(JobDescription.sha256().digest(bytes.toByteArray()));
  }

  private void release(Shared shared, Duration linger) {
    boolean closeNow = false;
    synchronized (this) {
      shared.leases--;
      if (shared.leases == 0) {
        closeNow = linger.isZero();
        if (closeNow) {
          engines.remove(shared.key, shared);
          unwatch();
        } else {
          shared.closing =
              timer()
                  .schedule(() -> closeIfUnused(shared), linger.toMillis(), TimeUnit.MILLISECONDS);
        }
      }
    }
    if (closeNow) {
      shared.close();
    }
  }

  private void closeIfUnused(Shared shared) {
    synchronized (this) {
      if (shared.leases > 0) {
        return;
      }
      engines.remove(shared.key, shared);
      unwatch();
    }
    shared.close();
  }

  private void closeAll() {
    Map<String, Shared> open;
    synchronized (this) {
      open = new HashMap<>(engines);
      engines.clear();
    }
    open.values().forEach(Shared::close);
  }

  /** One engine and who uses it. */
  static final class Shared {
    /** Permits in all; every user of the engine holds one, who needs it alone holds all. */
    static final int PERMITS = 1 << 16;

    private final EngineHost host;
    private final String key;
    private final EngineFactory factory;
    private final ReentrantLock opening = new ReentrantLock();
    final Semaphore use = new Semaphore(PERMITS, true);
    final ReentrantLock feeding = new ReentrantLock(true);
    private int leases; // guarded by the host
    private ScheduledFuture<?> closing; // guarded by the host
    private final LongAdder restarts = new LongAdder();
    private Engine engine; // guarded by opening
    private boolean ended; // guarded by opening
    private volatile boolean claimed; // by the one user who has it alone

    Shared(EngineHost host, String key, EngineFactory factory) {
      this.host = host;
      this.key = key;
      this.factory = factory;
    }

    private void cancelClosing() {
      if (closing != null) {
        closing.cancel(false);
        closing = null;
      }
    }

    Engine open() {
      opening.lock();
      try {
        if (ended) { // nobody would close it: a runner gives leases back while functions still run
          throw new EngineUnavailableException("the engine was given back: the job is ending");
        }
        if (engine == null) {
          engine = factory.openEngine();
        }
        return engine;
      } finally {
        opening.unlock();
      }
    }

    /**
     * Opens a new engine in place of a failed one, unless that was done already.
     *
     * @return false if that one ended too before this user had it alone: others use it as well
     */
    boolean replace(Engine failed) throws InterruptedException {
      opening.lock();
      try {
        if (engine == failed) {
          drop();
        }
        open();
        boolean usable = !claimed || claim();
        if (!usable) {
          drop();
        }
        return usable;
      } finally {
        opening.unlock();
      }
    }

    private void drop() {
      Engine dropped = engine;
      engine = null;
      dropped.close();
      restarts.increment();
    }

    /**
     * Keeps users in other places off the engine too, if there can be any.
     *
     * @return false if the engine ended before
     */
    boolean claim() throws InterruptedException {
      claimed = true;
      return !(opened() instanceof SoleUse engineOfMany) || engineOfMany.claim();
    }

    /** Null if none is open. */
    Engine opened() {
      opening.lock();
      try {
        return engine;
      } finally {
        opening.unlock();
      }
    }

    void unclaim() {
      opening.lock();
      try {
        claimed = false;
        if (engine instanceof SoleUse engineOfMany) {
          engineOfMany.release();
        }
      } finally {
        opening.unlock();
      }
    }

    long restarts() {
      return restarts.sum();
    }

    void close() {
      opening.lock();
      try {
        ended = true;
        if (engine != null) {
          Engine closed = engine;
          engine = null;
          closed.close();
        }
      } finally {
        opening.unlock();
      }
    }

    void release(Duration linger) {
      host.release(this, linger);
    }
  }
}
