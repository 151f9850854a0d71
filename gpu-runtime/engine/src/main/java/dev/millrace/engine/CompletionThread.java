package dev.millrace.engine;

import dev.millrace.api.engine.EngineException;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.RequestFailure;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Decodes and delivers completions, so that the step thread does neither; watches over the step
 * thread meanwhile. The queue holds at most what is in flight.
 */
final class CompletionThread implements Runnable {
  private static final long WATCH_MILLIS = 1000;

  /** An empty entry only wakes the thread. */
  private final BlockingQueue<Optional<ActiveRequest>> settled = new LinkedBlockingQueue<>();

  private final InFlight inFlight;
  private final Consumer<EngineException> onError;
  private final Runnable watch;
  private volatile boolean ending;
  private volatile long delivered;

  /**
   * @param onError hears of a consumer that threw: it may have lost a row
   * @param watch run about once a second
   */
  CompletionThread(InFlight inFlight, Consumer<EngineException> onError, Runnable watch) {
    this.inFlight = inFlight;
    this.onError = onError;
    this.watch = watch;
  }

  void add(ActiveRequest request) {
    settled.add(Optional.of(request));
  }

  /** Ends the thread once everything settled is delivered. */
  void end() {
    ending = true;
    settled.add(Optional.empty());
  }

  long delivered() {
    return delivered;
  }

  @Override
  public void run() {
    while (true) {
      boolean last = ending; // read before the queue: what was settled before the end is seen
      Optional<ActiveRequest> request = poll(last ? 0 : WATCH_MILLIS);
      if (request == null && last) {
        return;
      } else if (request == null) {
        watch.run();
      } else {
        request.ifPresent(this::deliver);
      }
    }
  }

  @SuppressWarnings("OptionalAssignedToNull") // the queue says null when nothing came in time
  private Optional<ActiveRequest> poll(long millis) {
    try {
      return settled.poll(millis, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      return null; // nobody who may interrupts this thread; close() ends it
    }
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // written by this thread alone
  private void deliver(ActiveRequest request) {
    Completion completion;
    try {
      completion = request.build();
    } catch (RuntimeException | Error e) { // deep recursion in a text: only its row is to blame
      completion =
          Completion.failed(
              request.id(),
              new RequestFailure(
                  FailureReason.ENGINE_FAILED, "the output could not be made into text: " + e));
    }
    delivered++;
    inFlight.leave(request);
    try {
      request.deliver(completion);
    } catch (RuntimeException | Error e) {
      onError.accept(
          new EngineException("the consumer of request " + request.id() + " threw " + e, e));
    }
  }
}
