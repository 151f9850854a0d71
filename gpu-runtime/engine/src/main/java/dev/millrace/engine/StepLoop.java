package dev.millrace.engine;

import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.RequestFailure;
import dev.millrace.engine.schedule.Scheduler;
import dev.millrace.engine.schedule.SchedulerCounts;
import dev.millrace.engine.step.StepExecutor;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;
import java.util.ArrayList;
import java.util.List;

/**
 * The loop that everything waits for: take what came in, plan, execute, commit. Runs on one thread
 * until the engine ends; parks when there is nothing to do.
 */
final class StepLoop {
  private static final RequestFailure CANCELLED =
      new RequestFailure(FailureReason.CANCELLED, "cancelled before it finished");

  private final InFlight inFlight;
  private final Scheduler scheduler;
  private final StepExecutor executor;
  private final StepClock clock;
  private final List<ActiveRequest> ended = new ArrayList<>(); // in the step under way
  private volatile SchedulerCounts counts;
  private volatile long stepStartNanos; // 0 between steps
  private volatile long modelNanos;
  private volatile long idleNanos;

  StepLoop(InFlight inFlight, Scheduler scheduler, StepExecutor executor, StepClock clock) {
    this.inFlight = inFlight;
    this.scheduler = scheduler;
    this.executor = executor;
    this.clock = clock;
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
      clock.planning();
      StepPlan plan = scheduler.plan();
      if (plan != null) {
        clock.executing();
        StepResult result = execute(plan);
        clock.executed();
        scheduler.commit(result);
        clock.committed(plan);
        counts = scheduler.counts();
        ended.forEach(ActiveRequest::succeed); // after the counts, so that these never lag behind
        ended.clear();
      }
    }
  }

  /** The last choice of a request has ended. */
  void ended(ActiveRequest request) {
    ended.add(request);
  }

  private InFlight.Work awaitWork() throws InterruptedException {
    if (!scheduler.isIdle()) {
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

  private StepResult execute(StepPlan plan) {
    long start = System.nanoTime();
    stepStartNanos = start == 0 ? 1 : start;
    StepResult result = executor.execute(plan);
    stepStartNanos = 0;
    modelNanos = modelNanos + System.nanoTime() - start;
    return result;
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
    long start = stepStartNanos;
    return start == 0 ? 0 : System.nanoTime() - start;
  }
}
