package dev.millrace.jobs.bench;

import dev.millrace.engine.StepListener;
import dev.millrace.engine.StepTimes;
import java.util.ArrayList;
import java.util.List;

/** Keeps every step of a run. Written by the step thread, read by another once all is done. */
final class StepLog implements StepListener {
  private final List<StepTimes> steps = new ArrayList<>();

  @Override
  public synchronized void stepped(StepTimes step) {
    steps.add(step);
  }

  /** The steps since the last call. */
  synchronized List<StepTimes> take() {
    List<StepTimes> taken = List.copyOf(steps);
    steps.clear();
    return taken;
  }
}
