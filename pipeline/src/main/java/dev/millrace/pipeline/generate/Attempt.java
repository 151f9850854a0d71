package dev.millrace.pipeline.generate;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.JobCancelledException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;

/**
 * Requests handed to one engine, followed until each is answered or known to be lost with the
 * engine. What an engine answers after it was given up is dropped.
 */
final class Attempt {
  private static final long POLL_MILLIS = 50;

  /** How long a failed engine may take to answer what it had in flight. */
  private static final long LOST_AFTER_MILLIS = 10_000;

  private final Engine engine;
  private final BiConsumer<GenerationRequest, Completion> answers;
  private final CancelToken cancel;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition answered = lock.newCondition();
  private final IdentityHashMap<GenerationRequest, Engine.Submission> inFlight =
      new IdentityHashMap<>();
  private final List<GenerationRequest> lost = new ArrayList<>();
  private EngineException failure;
  private String lostMessage;
  private boolean cancelled;
  private long answersSoFar;

  Attempt(Engine engine, BiConsumer<GenerationRequest, Completion> answers, CancelToken cancel) {
    this.engine = engine;
    this.answers = answers;
    this.cancel = cancel;
  }

  /** Where requests come from. */
  interface Source {
    GenerationRequest next() throws IOException;
  }

  /** Hands over requests until there are no more or the engine has failed. */
  void feed(Source source) throws IOException, InterruptedException {
    while (!hasFailed()) {
      cancel.check();
      GenerationRequest request = source.next();
      if (request == null) {
        return;
      }
      submit(request);
    }
  }

  private void submit(GenerationRequest request) throws InterruptedException {
    lock.lock();
    try {
      inFlight.put(request, () -> {});
    } finally {
      lock.unlock();
    }
    try {
      Engine.Submission submission =
          engine.submit(request, completion -> complete(request, completion));
      lock.lock();
      try {
        inFlight.replace(request, submission);
      } finally {
        lock.unlock();
      }
    } catch (EngineException e) {
      lock.lock();
      try {
        failure = e;
        if (inFlight.remove(request) != null) {
          lost.add(request);
        }
      } finally {
        lock.unlock();
      }
    } catch (InterruptedException e) {
      lock.lock();
      try {
        inFlight.remove(request);
      } finally {
        lock.unlock();
      }
      throw e;
    }
  }

  private void complete(GenerationRequest request, Completion completion) {
    FailureReason reason = completion.isFailed() ? completion.failure().reason() : null;
    lock.lock();
    try {
      if (inFlight.remove(request) == null) {
        return; // given up before
      }
      if (reason == FailureReason.ENGINE_FAILED) {
        lost.add(request);
        lostMessage = completion.failure().message();
      } else if (reason == FailureReason.CANCELLED) {
        cancelled = true;
      } else {
        answersSoFar++;
        answers.accept(request, completion);
      }
      if (inFlight.isEmpty()) {
        answered.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  private boolean hasFailed() {
    lock.lock();
    try {
      return failure != null || !lost.isEmpty() || cancelled;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits until every request handed over is answered or lost.
   *
   * @throws JobCancelledException if the job is cancelled; what is in flight is cancelled too
   */
  void await() throws InterruptedException {
    lock.lock();
    try {
      long failedAt = 0;
      while (!inFlight.isEmpty()) {
        answered.await(POLL_MILLIS, TimeUnit.MILLISECONDS);
        cancel.check();
        if (failure != null && failedAt == 0) {
          failedAt = System.nanoTime();
        }
        boolean late =
            failedAt != 0
                && TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - failedAt) > LOST_AFTER_MILLIS;
        if (late) {
          lost.addAll(inFlight.keySet());
          inFlight.clear();
        }
      }
      if (cancelled) {
        throw new JobCancelledException("the engine cancelled requests: the job is ending");
      }
    } finally {
      lock.unlock();
    }
  }

  /** Cancels what is in flight and drops its answers. */
  void abandon() {
    List<Engine.Submission> submissions;
    lock.lock();
    try {
      submissions = new ArrayList<>(inFlight.values());
      inFlight.clear();
    } finally {
      lock.unlock();
    }
    submissions.forEach(Engine.Submission::cancel);
  }

  /** After {@link #await}: requests that the engine did not answer. */
  List<GenerationRequest> lost() {
    return lost;
  }

  /**
   * Whether the engine takes no more requests: it said so, or lost some. Trying one on an engine
   * that is down already would put the blame on it.
   */
  boolean engineIsDown() {
    return failure != null || lostMessage != null;
  }

  long answers() {
    return answersSoFar;
  }

  /** What the engine said when it failed. */
  String message() {
    return failure != null ? failure.getMessage() : String.valueOf(lostMessage);
  }

  Engine engine() {
    return engine;
  }
}
