package dev.millrace.pipeline.generate;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestFailure;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.RetryableException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;

/**
 * Feeds batches to a shared engine. A batch is handed over whole, then followed while the next one
 * is handed over. When the engine fails, what it did not answer is tried again once, alone on the
 * engine; if that gives no answer either, the engine is asked what any engine can answer, and is
 * itself to blame if it cannot. If it can, the batch is halved until the request that does it is
 * found, which counts as failed once the engine has answered another.
 */
final class BatchFeeder {
  /** Failures in a row, without one answer between them, after which the engine is to blame. */
  private static final int FUTILE_ATTEMPTS_MAX = 24;

  private static final Duration PATIENCE = Duration.ofMillis(100);

  /** What any engine that works can answer. */
  private static final GenerationRequest PROBE =
      new GenerationRequest(
          "probe",
          new Prompt.Tokens(new int[] {0}),
          SamplingSettings.builder().temperature(0).maxTokens(1).build());

  private final EngineLease lease;
  private final CancelToken cancel;
  private final List<Fed<?>> unsettled = new ArrayList<>();

  BatchFeeder(EngineLease lease, CancelToken cancel) {
    this.lease = lease;
    this.cancel = cancel;
  }

  /** A batch on its way through the engine. */
  final class Fed<OutT> {
    private final RequestBatch<OutT> batch;
    private Attempt attempt; // made once the engine is entered
    private boolean entered;

    private Fed(RequestBatch<OutT> batch) {
      this.batch = batch;
    }

    private void enter() throws InterruptedException {
      BatchFeeder.this.enter();
      entered = true;
      unsettled.add(this);
      attempt = new Attempt(lease.engine(), batch::accept, cancel);
    }

    /** Waits for the engine's part; afterwards this batch uses the engine no more. */
    void settle() throws InterruptedException {
      if (entered) {
        attempt.await();
        leave();
      }
    }

    /** Whether requests are left that the engine did not answer. */
    boolean needsRecovery() {
      return !attempt.lost().isEmpty() || attempt.engineIsDown();
    }

    /** Waits for the engine, recovers what it lost, and makes the result. */
    OutT finish() throws IOException, InterruptedException {
      try {
        settle();
        if (needsRecovery()) {
          recover(batch, attempt);
        }
        return batch.finish();
      } finally {
        abandon(); // after success: lets go of the batch alone
      }
    }

    void abandon() throws IOException {
      if (attempt != null) {
        attempt.abandon();
      }
      if (entered) {
        leave();
      }
      batch.close();
    }

    private void leave() {
      entered = false;
      unsettled.remove(this);
      lease.leave();
    }
  }

  /**
   * Hands over all requests of a batch; blocks while the engine's queue is full. The batch is this
   * feeder's to close from now on, whatever happens.
   */
  <OutT> Fed<OutT> feed(RequestBatch<OutT> batch) throws IOException, InterruptedException {
    Fed<OutT> fed = new Fed<>(batch);
    boolean handedOver = false;
    try {
      fed.enter();
      lease.startFeeding();
      try {
        fed.attempt.feed(batch::next);
        handedOver = true;
        return fed;
      } finally {
        lease.stopFeeding();
      }
    } finally {
      if (!handedOver) {
        fed.abandon();
      }
    }
  }

  /**
   * Joins the users of the engine. While somebody waits to have it alone, this thread must give up
   * what it still uses, or both would wait for each other.
   */
  private void enter() throws InterruptedException {
    while (!lease.tryEnter(PATIENCE)) {
      cancel.check();
      settleAll();
    }
  }

  private void settleAll() throws InterruptedException {
    for (Fed<?> fed : List.copyOf(unsettled)) {
      fed.settle();
    }
  }

  private void recover(RequestBatch<?> batch, Attempt failed)
      throws IOException, InterruptedException {
    settleAll();
    lease.enterAlone();
    try {
      new Recovery(batch, failed).run();
    } finally {
      lease.leaveAlone();
    }
  }

  /** Finds the requests of a batch that the engine fails on. */
  private final class Recovery {
    private final RequestBatch<?> batch;
    private final Deque<List<GenerationRequest>> suspects = new ArrayDeque<>();

    /** Failed alone, and what was said; the engine has answered nothing since. */
    private final Map<GenerationRequest, String> unproven = new LinkedHashMap<>();

    private Attempt last;
    private boolean restDone;
    private int futile;

    Recovery(RequestBatch<?> batch, Attempt failed) {
      this.batch = batch;
      this.last = failed;
    }

    void run() throws IOException, InterruptedException {
      suspects.push(last.lost());
      boolean retried = false;
      while (!suspects.isEmpty() || !restDone) {
        // the first time all that is left comes along; later only once no suspect is left
        boolean withRest = !restDone && (!retried || suspects.isEmpty());
        List<GenerationRequest> tried = suspects.isEmpty() ? List.of() : suspects.pop();
        Attempt attempt = attempt(tried, withRest, batch::accept);
        blame(attempt, tried.size() == 1 && !withRest);
        if (!retried && attempt.answers() == 0 && !attempt.lost().isEmpty()) {
          probe(); // before an engine is opened for every half of the batch
        }
        retried = true;
      }
      if (!unproven.isEmpty()) {
        probe();
      }
    }

    /** Whether the engine answers anything at all. */
    private void probe() throws IOException, InterruptedException {
      Attempt probe = attempt(List.of(PROBE), false, (request, completion) -> {});
      if (probe.answers() == 0) {
        throw engineToBlame(probe);
      }
      failUnproven();
    }

    private void blame(Attempt attempt, boolean alone) {
      List<GenerationRequest> lost = attempt.lost();
      if (attempt.answers() > 0) {
        failUnproven();
        futile = 0;
      } else if (!lost.isEmpty() && ++futile > FUTILE_ATTEMPTS_MAX) {
        throw engineToBlame(attempt);
      }
      if (alone && lost.size() == 1) {
        unproven.put(lost.get(0), attempt.message());
      } else if (!lost.isEmpty()) {
        int half = (lost.size() + 1) / 2;
        if (half < lost.size()) {
          suspects.push(new ArrayList<>(lost.subList(half, lost.size())));
        }
        suspects.push(new ArrayList<>(lost.subList(0, half)));
      }
    }

    private RetryableException engineToBlame(Attempt attempt) {
      return new RetryableException(
          "the engine failed time after time without one answer, last: "
              + attempt.message()
              + "; what is finished is kept, start the same command again");
    }

    private void failUnproven() {
      unproven.forEach(
          (request, message) ->
              batch.accept(
                  request,
                  Completion.failed(
                      request.id(),
                      new RequestFailure(
                          FailureReason.ENGINE_FAILED,
                          "the engine failed on this request, and again when it was tried alone: "
                              + message))));
      unproven.clear();
    }

    /** The next request that was never handed over, or null. */
    private GenerationRequest rest() throws IOException {
      GenerationRequest next = restDone ? null : batch.next();
      restDone = next == null;
      return next;
    }

    /** A new engine that this batch has alone: what others do to one is no row's fault here. */
    private void replace(Engine failed) throws InterruptedException {
      int ended = 0;
      while (!lease.replace(failed)) {
        cancel.check();
        if (++ended > FUTILE_ATTEMPTS_MAX) {
          throw new EngineException(
              "it ended " + ended + " times while other jobs of this worker used it");
        }
      }
    }

    private Attempt attempt(
        List<GenerationRequest> requests,
        boolean withRest,
        BiConsumer<GenerationRequest, Completion> answers)
        throws IOException, InterruptedException {
      cancel.check();
      if (last.engineIsDown()) {
        try {
          replace(last.engine());
        } catch (EngineException e) {
          throw new RetryableException(
              "the engine failed ("
                  + last.message()
                  + ") and could not be opened again: "
                  + e.getMessage()
                  + "; what is finished is kept, start the same command again",
              e);
        }
      }
      Attempt attempt = new Attempt(lease.engine(), answers, cancel);
      Iterator<GenerationRequest> first = requests.iterator();
      boolean ended = false;
      try {
        attempt.feed(() -> first.hasNext() ? first.next() : withRest ? rest() : null);
        attempt.await();
        ended = true;
      } finally {
        if (!ended) {
          attempt.abandon();
        }
      }
      first.forEachRemaining(attempt.lost()::add); // not handed over: the engine was down
      last = attempt;
      return attempt;
    }
  }
}
