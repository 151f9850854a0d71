package dev.millrace.engine;

import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.RequestFailure;
import dev.millrace.engine.schedule.Scheduler;
import dev.millrace.engine.schedule.SchedulerCounts;
import dev.millrace.engine.step.StepExecutor;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * The loop that everything waits for: take what came in, plan, submit, commit. Where the executor
 * can take a step while the one before runs, it always has one to go on with, and planning and
 * committing cost no time. Runs on one thread until the engine ends; parks when there is nothing to
 * do.
 */
final class StepLoop {
  private static final RequestFailure CANCELLED =
      new RequestFailure(FailureReason.CANCELLED, "cancelled before it finished");

  private final InFlight inFlight;
  private final Scheduler scheduler;
  private final StepExecutor executor;
  private final StepListener listener;
  private final List<ActiveRequest> ended = new ArrayList<>(); // in the step under way
  private final Deque<RunningStep> underWay = new ArrayDeque<>(); // submitted, no result yet
  private long lastResultNanos = Long.MIN_VALUE;
  private volatile SchedulerCounts counts;
  private volatile long oldestNanos; // of the oldest step under way; 0 between steps
  private volatile long modelNanos;
  private volatile long idleNanos;

  StepLoop(InFlight inFlight, Scheduler scheduler, StepExecutor executor, StepListener listener) {
    this.inFlight = inFlight;
    this.scheduler = scheduler;
    this.executor = executor;
    this.listener = listener;
    this.counts = scheduler.counts();
  }

  /** Runs until the engine is closed or fails; throws what an executor throws. */
  void run() throws InterruptedException {
    while (true) {
      InFlight.Work work = awaitWork();
      if (work == null) {
        return;
      }
      work.arrivals().forEach(this::start);
      work.cancellations().forEach(this::cancel);
      if (underWay.isEmpty()) {
        submit(System.nanoTime(), scheduler.plan());
      }
      if (underWay.size() == 1 && executor.acceptsNext()) {
        submit(System.nanoTime(), scheduler.planAhead());
      }
      if (!underWay.isEmpty()) {
        RunningStep step = underWay.peekFirst();
        StepResult result = executor.await();
        long resultNanos = noteResult(step);
        scheduler.commit(result);
        counts = scheduler.counts();
        listener.stepped(step.times(resultNanos, System.nanoTime()));
        ended.forEach(ActiveRequest::succeed); // last, so that nothing told of steps lags behind
        ended.clear();
      }
    }
  }

  /** The last choice of a request has ended. */
  void ended(ActiveRequest request) {
    ended.add(request);
  }

  private InFlight.Work awaitWork() throws InterruptedException {
    if (!scheduler.isIdle() || !underWay.isEmpty()) {
      return inFlight.take(false);
    }
    long start = System.nanoTime();
    InFlight.Work work = inFlight.take(true);
    idleNanos = idleNanos + System.nanoTime() - start;
    return work;
  }

  private void start(ActiveRequest request) {
    request.choices().forEach(choice -> scheduler.add(choice.sequence()));
  }

  private void cancel(ActiveRequest request) {
    request.settle(CANCELLED);
    request.abandon();
  }

  private void submit(long planNanos, StepPlan plan) {
    if (plan == null) {
      return;
    }
    long submitNanos = System.nanoTime();
    if (underWay.isEmpty()) {
      oldestNanos = notZero(submitNanos);
    }
    executor.submit(plan);
    underWay.addLast(new RunningStep(plan, planNanos, submitNanos));
  }

  private long noteResult(RunningStep step) {
    long now = System.nanoTime();
    underWay.removeFirst();
    modelNanos = modelNanos + now - Math.max(step.submitNanos, lastResultNanos);
    lastResultNanos = now;
    oldestNanos = underWay.isEmpty() ? 0 : notZero(now);
    return now;
  }

  private static long notZero(long nanos) {
    return nanos == 0 ? 1 : nanos;
  }

  private record RunningStep(StepPlan plan, long planNanos, long submitNanos) {
    StepTimes times(long resultNanos, long commitNanos) {
      return new StepTimes(
          plan.tokens(),
          plan.sequences(),
          plan.logitTasks().size(),
          planNanos,
          submitNanos,
          resultNanos,
          commitNanos);
    }
  }

  SchedulerCounts counts() {
    return counts;
  }

  long modelNanos() {
    return modelNanos;
  }

  long idleNanos() {
    return idleNanos;
  }

  /** How long the step in progress has run; 0 if none is. */
  long stepNanos() {
    long start = oldestNanos;
    return start == 0 ? 0 : System.nanoTime() - start;
  }
}
