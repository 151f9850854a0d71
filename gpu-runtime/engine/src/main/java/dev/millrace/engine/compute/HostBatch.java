package dev.millrace.engine.compute;

import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepPlan;
import java.util.List;

/** A step plan in host memory, with what CPU backends look up per row. Reused step after step. */
final class HostBatch implements StepBatch {
  private final int[] sequenceOfRow;
  private final int[] logitRow;
  private StepPlan plan =
      new StepPlan(new int[0], new int[0], new int[1], new int[0], new int[0][], List.of());
  private int logitRows;

  HostBatch(int tokensMax) {
    sequenceOfRow = new int[tokensMax];
    logitRow = new int[tokensMax];
  }

  static long bytes(int tokensMax) {
    return 2L * tokensMax * Integer.BYTES;
  }

  void take(StepPlan next) {
    plan = next;
    for (int sequence = 0; sequence < next.sequences(); sequence++) {
      for (int row = next.queryStarts()[sequence]; row < next.queryStarts()[sequence + 1]; row++) {
        sequenceOfRow[row] = sequence;
      }
    }
    logitRows = 0;
    List<LogitTask> tasks = next.logitTasks();
    for (int task = 0; task < tasks.size(); task++) {
      int row = tasks.get(task).tokenRow();
      if (logitRows == 0 || logitRow[logitRows - 1] != row) {
        logitRow[logitRows++] = row;
      }
    }
  }

  StepPlan plan() {
    return plan;
  }

  /** Token id of a row. */
  int tokenId(int row) {
    return plan.tokenIds()[row];
  }

  /** Position of a row's token in its sequence. */
  int position(int row) {
    return plan.positions()[row];
  }

  /** KV blocks of the sequence a row belongs to. */
  int[] blockTable(int row) {
    return plan.blockTables()[sequenceOfRow[row]];
  }

  /** Row of the step's tokens that logit row {@code index} is of. */
  int logitRow(int index) {
    return logitRow[index];
  }

  @Override
  public int rows() {
    return plan.tokens();
  }

  @Override
  public int logitRows() {
    return logitRows;
  }
}
