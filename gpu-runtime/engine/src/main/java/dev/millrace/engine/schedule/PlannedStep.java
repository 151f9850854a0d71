package dev.millrace.engine.schedule;

import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepPlan;
import java.util.List;

/**
 * A step that was planned and whose result is not in yet.
 *
 * @param sequences in the plan's order
 */
record PlannedStep(StepPlan plan, List<Sequence> sequences) {

  List<LogitTask> tasks() {
    return plan.logitTasks();
  }

  int chunk(int index) {
    return plan.queryStarts()[index + 1] - plan.queryStarts()[index];
  }

  /** The last row of the sequence at this index. */
  int lastRow(int index) {
    return plan.queryStarts()[index + 1] - 1;
  }
}
