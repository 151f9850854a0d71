package dev.millrace.cuda;

import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.model.LogitTasks;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;

/** Logit tasks that are timed as one verb. */
record ProfilingLogitTasks(ProfilingBackend profiler, LogitTasks tasks) implements LogitTasks {

  @Override
  public void begin(StepPlan plan, StepResult result) {
    tasks.begin(plan, result);
  }

  @Override
  public void run(int firstRow, int rows, Tensor logits) {
    profiler.timedOnce("draws", () -> tasks.run(firstRow, rows, logits));
  }

  @Override
  public void end() {
    tasks.end();
  }

  @Override
  public boolean acceptsNext() {
    return tasks.acceptsNext();
  }

  @Override
  public boolean isUnderWay() {
    return tasks.isUnderWay();
  }

  @Override
  public void await() {
    tasks.await();
  }
}
