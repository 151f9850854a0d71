package dev.millrace.cuda;

import dev.millrace.cuda.device.PinnedBuffer;
import dev.millrace.cuda.kernel.Arguments;
import dev.millrace.cuda.kernel.KernelFile;
import dev.millrace.engine.compute.StepLimits;
import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.model.LogitTasks;
import dev.millrace.engine.rank.Collective;
import dev.millrace.engine.sample.Philox;
import dev.millrace.engine.step.DrawState;
import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * The end of a step on the device: draws and scores where the logits are, and brings back the
 * answers alone. With several ranks every one gathers the logits, and rank 0 carries out the tasks.
 */
final class CudaLogitTasks implements LogitTasks, AutoCloseable {
  private static final int THREADS = 512;
  private static final int KIND_DRAW = 0;
  private static final int KIND_SCORE = 1;
  private static final int[] NO_IDS = {};
  private static final float[] NO_LOGPROBS = {};

  private final CudaBackend backend;
  private final Exchange exchange;
  private final Collective collective;
  private final CudaTensor gathered;
  private final int vocabulary;
  private final TaskLayout layout;
  private final PinnedBuffer memory;
  private final LogitEdits edits;
  private final Arguments arguments = new Arguments();

  // The launch being written.
  private int firstTask;
  private int taskCount;
  private int editCount;
  private int topCount;
  private final int[] topStarts;

  CudaLogitTasks(
      CudaBackend backend,
      Exchange exchange,
      Collective collective,
      CudaTensor gathered,
      int vocabulary,
      StepLimits limits) {
    this.backend = backend;
    this.exchange = exchange;
    this.collective = collective;
    this.gathered = gathered;
    this.vocabulary = vocabulary;
    layout = TaskLayout.of(limits);
    memory = new PinnedBuffer(layout.bytes());
    edits = new LogitEdits(vocabulary);
    topStarts = new int[layout.tasksMax() + 1];
  }

  @Override
  public void run(StepPlan plan, int firstRow, int rows, Tensor logits, StepResult result) {
    if (collective.ranks() > 1) {
      collective.allGather(logits, gathered, rows);
    }
    if (collective.rank() == 0) {
      carryOut(plan.logitTasks(), firstRow, rows, result);
    }
    await();
  }

  private void await() {
    backend.stream().await(backend.settings().deadline());
    if (exchange != null) {
      exchange.check(collective.rank());
    }
  }

  private void carryOut(List<LogitTask> tasks, int firstRow, int rows, StepResult result) {
    int row = -1;
    int tokenRow = -1;
    start(0);
    for (int i = 0; i < tasks.size(); i++) {
      LogitTask task = tasks.get(i);
      if (task.tokenRow() != tokenRow) {
        tokenRow = task.tokenRow();
        row++;
      }
      if (row < firstRow) {
        start(i + 1);
      } else if (row < firstRow + rows) {
        add(task, i, row - firstRow, result);
      }
    }
    launch(result);
  }

  private void start(int task) {
    firstTask = task;
    taskCount = 0;
    editCount = 0;
    topCount = 0;
  }

  /** Writes a task; launches what was written before where it would not fit. */
  private void add(LogitTask task, int index, int row, StepResult result) {
    int tops = Math.min(task.topLogprobs(), vocabulary);
    int needed = 0;
    if (task instanceof LogitTask.Draw draw && LogitEdits.isNeeded(draw)) {
      edits.collect(draw);
      needed = edits.count();
    }
    if (taskCount == layout.tasksMax()
        || editCount + needed > layout.editsMax()
        || topCount + tops > layout.topsMax()) {
      launch(result);
      start(index);
    }
    ByteBuffer bytes = memory.bytes();
    int at = layout.tasks() + TaskLayout.TASK_BYTES * taskCount;
    bytes.putInt(at, row);
    bytes.putInt(at + 12, tops);
    bytes.putInt(at + 16, topCount);
    bytes.putInt(at + 20, editCount);
    bytes.putInt(at + 24, needed);
    if (task instanceof LogitTask.Draw draw) {
      bytes.putInt(at + 4, KIND_DRAW);
      bytes.putInt(at + 8, 0);
      writeDraw(draw, bytes, at);
      if (needed > 0) {
        edits.write(draw.draw(), bytes, layout.edits() + TaskLayout.EDIT_BYTES * editCount);
      }
    } else {
      bytes.putInt(at + 4, KIND_SCORE);
      bytes.putInt(at + 8, ((LogitTask.Score) task).targetTokenId());
    }
    topStarts[taskCount] = topCount;
    taskCount++;
    editCount += needed;
    topCount += tops;
  }

  private void writeDraw(LogitTask.Draw task, ByteBuffer bytes, int at) {
    DrawState draw = task.draw();
    bytes.putInt(at + 28, draw.topK >= vocabulary ? 0 : draw.topK);
    bytes.putFloat(at + 32, (float) Math.max(draw.temperature, draw.temperature == 0 ? 0 : 1e-30));
    bytes.putFloat(at + 36, (float) draw.topP);
    bytes.putFloat(at + 40, (float) Math.log(draw.minP));
    bytes.putDouble(
        at + 48, draw.temperature == 0 ? 0 : Philox.uniform(draw.seed, task.drawIndex()));
  }

  private void launch(StepResult result) {
    if (taskCount == 0) {
      return;
    }
    long device = backend.scratch().tasks();
    memory.upload(
        layout.tasks(),
        device + layout.tasks(),
        (long) TaskLayout.TASK_BYTES * taskCount,
        backend.stream());
    memory.upload(
        layout.edits(),
        device + layout.edits(),
        (long) TaskLayout.EDIT_BYTES * editCount,
        backend.stream());
    backend
        .kernels()
        .get(KernelFile.SAMPLE, "sample")
        .launch(
            taskCount,
            1,
            THREADS,
            (int) StepLayout.divideUp(vocabulary, 32) * Integer.BYTES,
            arguments
                .start()
                .beginStructure()
                .i64(gathered.address())
                .i64(device + layout.tasks())
                .i64(device + layout.edits())
                .i64(device + layout.tokens())
                .i64(device + layout.logprobs())
                .i64(device + layout.topTokens())
                .i64(device + layout.topLogprobs())
                .i64(gathered.pitch())
                .i32(vocabulary)
                .endStructure(),
            backend.stream());
    download(layout.tokens(), taskCount);
    download(layout.logprobs(), taskCount);
    download(layout.topTokens(), topCount);
    download(layout.topLogprobs(), topCount);
    await();
    take(result);
  }

  private void download(int at, int count) {
    memory.download(at, backend.scratch().tasks() + at, 4L * count, backend.stream());
  }

  private void take(StepResult result) {
    ByteBuffer bytes = memory.bytes();
    topStarts[taskCount] = topCount;
    for (int i = 0; i < taskCount; i++) {
      int index = firstTask + i;
      float logprob = bytes.getFloat(layout.logprobs() + 4 * i);
      result.tokenIds()[index] = bytes.getInt(layout.tokens() + 4 * i);
      result.logprobs()[index] = logprob;
      int tops = Float.isNaN(logprob) ? 0 : topStarts[i + 1] - topStarts[i];
      int[] ids = tops == 0 ? NO_IDS : new int[tops];
      float[] logprobs = tops == 0 ? NO_LOGPROBS : new float[tops];
      for (int k = 0; k < tops; k++) {
        ids[k] = bytes.getInt(layout.topTokens() + 4 * (topStarts[i] + k));
        logprobs[k] = bytes.getFloat(layout.topLogprobs() + 4 * (topStarts[i] + k));
      }
      result.topTokenIds()[index] = ids;
      result.topLogprobs()[index] = logprobs;
    }
  }

  @Override
  public void close() {
    memory.close();
  }
}
