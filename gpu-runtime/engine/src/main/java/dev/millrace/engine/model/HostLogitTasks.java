package dev.millrace.engine.model;

import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.HostTensor;
import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.rank.Collective;
import dev.millrace.engine.step.LogitSampler;
import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.function.Supplier;

/**
 * Logit tasks in host memory: every rank gets the whole vocabulary of every row, and the tasks are
 * dealt out over the host threads of all ranks.
 */
final class HostLogitTasks implements LogitTasks {
  private final Backend backend;
  private final Collective collective;
  private final HostTensor gathered; // (rows, padded vocabulary)
  private final LogitSampler[] samplers; // one a host thread of this rank
  private final IntConsumer work = this::runEvery;

  // The step under way, read by the host threads.
  private List<LogitTask> tasks = List.of();
  private StepResult result;
  private int firstRow;
  private int endRow;

  HostLogitTasks(
      Backend backend, Collective collective, Tensor gathered, Supplier<LogitSampler> sampler) {
    this.backend = backend;
    this.collective = collective;
    this.gathered = (HostTensor) gathered;
    samplers = new LogitSampler[backend.hostThreads()];
    for (int i = 0; i < samplers.length; i++) {
      samplers[i] = sampler.get();
    }
  }

  @Override
  public void begin(StepPlan plan, StepResult target) {
    tasks = plan.logitTasks();
    result = target;
  }

  @Override
  public void run(int first, int rows, Tensor logits) {
    if (logits != gathered) {
      collective.allGather(logits, gathered, rows);
    }
    firstRow = first;
    endRow = first + rows;
    backend.forEach(samplers.length, work);
  }

  /** Every so many-th task of the rows, from the one of this rank and thread on. */
  private void runEvery(int thread) {
    int turn = collective.rank() * samplers.length + thread;
    int turns = collective.ranks() * samplers.length;
    int row = -1;
    int tokenRow = -1;
    for (int i = 0; i < tasks.size(); i++) {
      LogitTask task = tasks.get(i);
      if (task.tokenRow() != tokenRow) {
        tokenRow = task.tokenRow();
        row++;
      }
      if (row >= firstRow && row < endRow && i % turns == turn) {
        int offset = (row - firstRow) * gathered.width();
        samplers[thread].run(task, gathered.values(), offset, result, i);
      }
    }
  }
}
