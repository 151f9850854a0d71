package dev.millrace.engine;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.RequestException;
import dev.millrace.api.request.RequestFailure;
import dev.millrace.engine.schedule.Scheduler;
import dev.millrace.engine.schedule.SchedulerCounts;
import dev.millrace.engine.schedule.SchedulerLimits;
import dev.millrace.engine.step.StepExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * An engine in this JVM. Submitters' threads tokenise; one thread plans, runs and commits steps;
 * another decodes and delivers completions. When a step fails, every request in flight completes
 * with {@code ENGINE_FAILED}, and every later submission throws with the first error as its cause.
 */
final class LocalEngine implements Engine {
  /** A step may overrun its deadline by this before the engine gives up on the executor. */
  private static final long WATCH_GRACE_MILLIS = 2000;

  private final EngineInfo info;
  private final EngineModel model;
  private final RequestPreparer preparer;
  private final InFlight inFlight;
  private final StepExecutor executor;
  private final StepLoop stepLoop;
  private final CompletionThread completions;
  private final long stepDeadlineMillis;
  private final Thread stepThread;
  private final Thread completionThread;
  private volatile EngineException closeError;

  /**
   * @param executor closed with the engine
   * @param queueSequences most sequences between submission and delivery
   * @param listener hears of steps; null if nobody does
   */
  LocalEngine(
      EngineInfo info,
      EngineModel model,
      StepExecutor executor,
      SchedulerLimits limits,
      int queueSequences,
      long stepDeadlineMillis,
      StepListener listener) {
    this.info = info;
    this.model = model;
    this.preparer = new RequestPreparer(model);
    this.inFlight = new InFlight(queueSequences);
    this.executor = executor;
    StepListener heard = listener == null ? step -> {} : listener;
    this.stepLoop = new StepLoop(inFlight, new Scheduler(limits), executor, heard);
    this.completions = new CompletionThread(inFlight, this::fail, this::watchStep);
    this.stepDeadlineMillis = stepDeadlineMillis;
    this.stepThread = new Thread(this::runSteps, "millrace-steps");
    this.completionThread = new Thread(completions, "millrace-completions");
    stepThread.setDaemon(true); // an engine that nobody closes must not keep the JVM alive
    completionThread.setDaemon(true);
    stepThread.start();
    completionThread.start();
  }

  @Override
  public EngineInfo info() {
    return info;
  }

  @Override
  public Submission submit(GenerationRequest request, Consumer<Completion> completion)
      throws InterruptedException {
    ActiveRequest active =
        new ActiveRequest(request, model.text(), completion, stepLoop::ended, completions::add);
    inFlight.enter(active);
    try {
      preparer.prepare(request, active);
    } catch (RequestException e) {
      active.settle(e.failure());
      return () -> {};
    } catch (RuntimeException | Error e) { // or its place in the queue would be lost
      active.settle(
          new RequestFailure(
              FailureReason.ENGINE_FAILED, "the request could not be prepared: " + e));
      return () -> {};
    }
    inFlight.start(active);
    return () -> inFlight.cancel(active);
  }

  @Override
  public EngineStatistics statistics() {
    SchedulerCounts counts = stepLoop.counts();
    return new EngineStatistics(
        completions.delivered(),
        counts.promptTokens(),
        counts.cachedTokens(),
        counts.computedTokens(),
        counts.outputTokens(),
        counts.steps(),
        counts.sequenceSteps(),
        counts.preemptions(),
        stepLoop.modelNanos(),
        stepLoop.idleNanos());
  }

  private void runSteps() {
    try {
      stepLoop.run();
    } catch (EngineException e) {
      inFlight.fail(e);
    } catch (Throwable e) {
      inFlight.fail(new EngineException("the step loop failed: " + e, e));
    }
    inFlight.settleAll();
    completions.end();
    try {
      executor.close();
    } catch (RuntimeException e) {
      closeError =
          e instanceof EngineException known
              ? known
              : new EngineException("the engine could not be released: " + e, e);
    }
  }

  /** Gives up on the engine from any other thread than the step thread. */
  private void fail(EngineException error) {
    inFlight.fail(error);
    inFlight.settleAll();
  }

  private void watchStep() {
    long millis = TimeUnit.NANOSECONDS.toMillis(stepLoop.stepNanos());
    if (millis > stepDeadlineMillis + WATCH_GRACE_MILLIS) {
      fail(
          new EngineException(
              "a step has run for %d ms, its deadline was %d ms; raise stepDeadlineMillis if the machine is only slow"
                  .formatted(millis, stepDeadlineMillis)));
    }
  }

  @Override
  public void close() {
    boolean first = inFlight.close();
    long stepMillis = TimeUnit.NANOSECONDS.toMillis(stepLoop.stepNanos());
    long patienceMillis = Math.max(0, stepDeadlineMillis - stepMillis) + WATCH_GRACE_MILLIS;
    boolean interrupted = join(stepThread, patienceMillis);
    if (stepThread.isAlive() && stepThread != Thread.currentThread()) {
      fail(new EngineException("the step in progress does not return; its thread is left behind"));
      completions.end();
    }
    interrupted |= join(completionThread, stepDeadlineMillis);
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    if (first && stepThread.isAlive()) {
      throw new EngineException(
          "closed, but a step does not return within %d ms: its memory cannot be released"
              .formatted(patienceMillis));
    }
    if (first && closeError != null) {
      throw closeError;
    }
  }

  /** Waits for a thread to end; says whether this one was interrupted meanwhile. */
  private static boolean join(Thread thread, long millis) {
    boolean interrupted = false;
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    while (thread.isAlive() && thread != Thread.currentThread()) {
      long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
      if (left <= 0) {
        break;
      }
      try {
        thread.join(left);
      } catch (InterruptedException e) {
        interrupted = true; // close must release; the interrupt is passed on after it
      }
    }
    return interrupted;
  }
}
