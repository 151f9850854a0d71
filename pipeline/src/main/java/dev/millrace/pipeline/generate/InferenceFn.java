package dev.millrace.pipeline.generate;

import dev.millrace.api.engine.DoesNotFitException;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.RetryableException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.joda.time.Instant;

/**
 * Runs each element's requests through the engine of this worker, several elements at a time: while
 * the last requests of one are in the engine, the next one is handed over. Knows nothing of what
 * the elements are.
 */
public final class InferenceFn<InT, OutT> extends DoFn<InT, OutT> {
  private final EngineFactory factory;
  private final RequestBatch.Opener<InT, OutT> opener;
  private final int elementsInFlight;
  private final Duration linger;
  private final String run;
  private transient CancelToken cancel;
  private transient EngineLease lease;
  private transient BatchFeeder feeder;
  private transient Deque<Pending<OutT>> pending;
  private transient List<Held<OutT>> held;

  /**
   * @param elementsInFlight elements that may be in the engine at once, for each thread
   * @param linger how long the engine stays open after its last user
   * @param run id of the run that this belongs to, or null
   */
  public InferenceFn(
      EngineFactory factory,
      RequestBatch.Opener<InT, OutT> opener,
      int elementsInFlight,
      Duration linger,
      String run) {
    this.factory = factory;
    this.opener = opener;
    this.elementsInFlight = elementsInFlight;
    this.linger = linger;
    this.run = run;
  }

  private record Pending<OutT>(
      BatchFeeder.Fed<OutT> fed, Instant timestamp, BoundedWindow window) {}

  private record Held<OutT>(OutT value, Instant timestamp, BoundedWindow window) {}

  @Setup
  public void setup() {
    cancel = RunContext.find(run).cancel();
    pending = new ArrayDeque<>();
    held = new ArrayList<>();
  }

  @StartBundle
  public void startBundle() throws IOException {
    abandon(); // a bundle that failed leaves its elements behind
    held.clear();
  }

  @ProcessElement
  public void process(
      @Element InT element,
      @Timestamp Instant timestamp,
      BoundedWindow window,
      OutputReceiver<OutT> out)
      throws IOException, InterruptedException {
    boolean done = false;
    try {
      openEngine();
      RequestBatch<OutT> batch = opener.open(element);
      pending.add(new Pending<>(feeder.feed(batch), timestamp, window));
      while (pending.size() > elementsInFlight) {
        Held<OutT> result = finishOldest();
        // a result belongs to its own element's window and time, not to those of this one
        boolean here = result.window().equals(window) && result.timestamp().equals(timestamp);
        if (here) {
          out.output(result.value());
        } else {
          held.add(result);
        }
      }
      done = true;
    } catch (RuntimeException e) {
      RunContext.find(run).failed(e);
      throw e;
    } finally {
      if (!done) {
        abandon();
      }
    }
  }

  /** With the first element, not before: a function may be set up for a run that has ended. */
  private void openEngine() {
    cancel.check();
    if (lease == null) {
      RunContext context = RunContext.find(run);
      context.cancel().check(); // ended since the function was set up
      EngineLease acquired = acquire();
      context.keep(acquired);
      lease = acquired;
      feeder = new BatchFeeder(lease, cancel);
      WorkerMetrics.showEverywhere(new WorkerGauges(context.counters(), lease).all());
    }
  }

  private EngineLease acquire() {
    try {
      return EngineHost.acquire(factory, linger);
    } catch (EngineUnavailableException e) {
      throw new RetryableException(
          "worker " + WorkerException.name() + ": there is no engine now: " + e.getMessage(), e);
    } catch (EngineException | DoesNotFitException e) {
      throw new WorkerException(e);
    }
  }

  @FinishBundle
  public void finishBundle(FinishBundleContext context) throws IOException, InterruptedException {
    boolean done = false;
    try {
      while (!pending.isEmpty()) {
        held.add(finishOldest());
      }
      done = true;
    } catch (RuntimeException e) {
      RunContext.find(run).failed(e);
      throw e;
    } finally {
      if (!done) {
        abandon();
      }
    }
    if (lease != null) {
      opener.used(lease);
    }
    for (Held<OutT> result : held) {
      context.output(result.value(), result.timestamp(), result.window());
    }
    held.clear();
  }

  private Held<OutT> finishOldest() throws IOException, InterruptedException {
    Pending<OutT> oldest = pending.remove();
    return new Held<>(oldest.fed().finish(), oldest.timestamp(), oldest.window());
  }

  private void abandon() throws IOException {
    while (!pending.isEmpty()) {
      pending.remove().fed().abandon();
    }
  }

  @Teardown
  public void teardown() throws IOException {
    if (lease != null) {
      try {
        abandon();
      } finally {
        lease.close();
      }
    }
  }
}
