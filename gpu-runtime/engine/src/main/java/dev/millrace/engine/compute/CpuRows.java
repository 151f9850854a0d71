package dev.millrace.engine.compute;

import dev.millrace.engine.compute.kernel.Work;
import dev.millrace.engine.compute.kernel.WorkerPool;

/**
 * Work row by row. Little work is done by the owner alone: waiting for others would cost more than
 * they save.
 */
final class CpuRows implements Work {
  /** Elements below which work is not shared: some ten microseconds of it. */
  private static final int SHARED_ELEMENTS = 16_384;

  private final WorkerPool pool;
  private final CpuWorker[] workers;
  private RowVerb verb = (worker, row) -> {};
  private int rows;
  private int unitRows;

  CpuRows(WorkerPool pool, CpuWorker[] workers) {
    this.pool = pool;
    this.workers = workers;
  }

  /** What is done to one row. */
  interface RowVerb {
    void run(CpuWorker worker, int row);
  }

  /**
   * @param width elements of a row
   */
  void run(RowVerb next, int rowCount, int width) {
    if ((long) rowCount * width < SHARED_ELEMENTS || pool.workers() == 1) {
      for (int row = 0; row < rowCount; row++) {
        next.run(workers[0], row);
      }
      return;
    }
    verb = next;
    rows = rowCount;
    // Four units a worker even out what one of them loses to other work on its core.
    unitRows = Math.max(1, rowCount / (4 * pool.workers()));
    pool.run(this, (rowCount + unitRows - 1) / unitRows);
  }

  @Override
  public void run(int worker, int unit) {
    int end = Math.min(rows, (unit + 1) * unitRows);
    for (int row = unit * unitRows; row < end; row++) {
      verb.run(workers[worker], row);
    }
  }
}
