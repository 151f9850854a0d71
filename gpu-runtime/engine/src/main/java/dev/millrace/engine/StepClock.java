package dev.millrace.engine;

import dev.millrace.engine.step.StepPlan;

/** Notes when the parts of a step happen, for a listener; does nothing without one. */
final class StepClock {
  private final StepListener listener; // null if nobody listens
  private long planStart;
  private long executeStart;
  private long executeEnd;

  StepClock(StepListener listener) {
    this.listener = listener;
  }

  void planning() {
    planStart = now();
  }

  void executing() {
    executeStart = now();
  }

  void executed() {
    executeEnd = now();
  }

  void committed(StepPlan plan) {
    if (listener != null) {
      listener.stepped(
          new StepTimes(
              plan.tokens(),
              plan.sequences(),
              plan.logitTasks().size(),
              planStart,
              executeStart,
              executeEnd,
              now()));
    }
  }

  private long now() {
    return listener == null ? 0 : System.nanoTime();
  }
}
