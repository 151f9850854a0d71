package dev.millrace.engine;

/** Hears of every step, on the step thread between steps: it must be quick and must not throw. */
@FunctionalInterface
public interface StepListener {

  /** A step has been committed. */
  void stepped(StepTimes step);
}
