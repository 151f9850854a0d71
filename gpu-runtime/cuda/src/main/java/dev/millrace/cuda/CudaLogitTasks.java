package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaEvent;
import dev.millrace.cuda.device.PinnedBuffer;
import dev.millrace.cuda.kernel.Arguments;
import dev.millrace.cuda.kernel.Kernel;
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
 * answers alone. With several ranks every one gathers the logits and draws, so that each finds the
 * tokens in its own memory at the next step; rank 0 gives the answers.
 */
final class CudaLogitTasks implements LogitTasks, AutoCloseable {
  /** Steps that may be under way. */
  private static final int TURNS = 2;

  private static final int THREADS = 512;
  private static final int SURVEY_THREADS = 256;

  /** Parts that the logits of a task are surveyed in. */
  private static final int SURVEY_SLICES = 16;

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
  private final LogitEdits edits;
  private final HostFetch fetch = new HostFetch();
  private final Arguments arguments = new Arguments();
  private final Turn[] turns = new Turn[TURNS];
  private long begun; // steps
  private long awaited; // steps
  private Turn turn; // of the last step

  /** Host memory of a step under way, and its last launch. */
  private static final class Turn implements AutoCloseable {
    final PinnedBuffer memory;
    final CudaEvent done = new CudaEvent();
    final int[] topStarts;
    List<LogitTask> tasks = List.of();
    StepResult result;
    int launches;
    boolean outstanding; // the last launch's answers
    int firstTask;
    int taskCount;
    int editCount;
    int topCount;

    Turn(TaskLayout layout) {
      memory = new PinnedBuffer(layout.bytes());
      topStarts = new int[layout.tasksMax() + 1];
    }

    @Override
    public void close() {
      done.close();
      memory.close();
    }
  }

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
    edits = new LogitEdits(vocabulary);
    for (int i = 0; i < TURNS; i++) {
      turns[i] = new Turn(layout);
    }
    turn = turns[0];
  }

  @Override
  public void begin(StepPlan plan, StepResult result) {
    turn = turns[(int) (begun++ % TURNS)];
    turn.tasks = plan.logitTasks();
    turn.result = result;
    turn.launches = 0;
    start(0);
  }

  @Override
  public void run(int firstRow, int rows, Tensor logits) {
    backend.settle(); // of an int4 head few rows are sums until somebody asks for them
    if (collective.ranks() > 1) {
      collective.allGather(logits, gathered, rows);
    }
    int row = -1;
    int tokenRow = -1;
    start(0);
    for (int i = 0; i < turn.tasks.size(); i++) {
      LogitTask task = turn.tasks.get(i);
      if (task.tokenRow() != tokenRow) {
        tokenRow = task.tokenRow();
        row++;
      }
      if (row < firstRow) {
        start(i + 1);
      } else if (row < firstRow + rows) {
        add(task, i, row - firstRow);
      }
    }
    launch();
  }

  @Override
  public void end() {
    if (!turn.outstanding) {
      turn.done.record(backend.stream());
    }
  }

  /** A token is found by its task's number where all tasks went in one launch. */
  @Override
  public boolean acceptsNext() {
    return turn.launches <= 1;
  }

  @Override
  public boolean isUnderWay() {
    return awaited != begun;
  }

  @Override
  public void await() {
    Turn oldest = turns[(int) (awaited++ % TURNS)];
    await(oldest);
  }

  /** Waits for the last launch of a step, or its end, and takes the answers. */
  private void await(Turn waited) {
    waited.done.await(backend.settings().deadline());
    if (exchange != null) {
      exchange.check(collective.rank());
    }
    if (waited.outstanding) {
      waited.outstanding = false;
      if (collective.rank() == 0) {
        take(waited);
      }
    }
  }

  /** Begins to write a launch; the answers of the one before leave the memory first. */
  private void start(int task) {
    if (turn.outstanding) {
      await(turn);
    }
    turn.firstTask = task;
    turn.taskCount = 0;
    turn.editCount = 0;
    turn.topCount = 0;
  }

  /** Writes a task; launches what was written before where it would not fit. */
  private void add(LogitTask task, int index, int row) {
    int tops = Math.min(task.topLogprobs(), vocabulary);
    int needed = 0;
    if (task instanceof LogitTask.Draw draw && LogitEdits.isNeeded(draw)) {
      edits.collect(draw);
      needed = edits.count();
    }
    if (turn.taskCount == layout.tasksMax()
        || turn.editCount + needed > layout.editsMax()
        || turn.topCount + tops > layout.topsMax()) {
      launch();
      start(index);
    }
    ByteBuffer bytes = turn.memory.bytes();
    int at = layout.tasks() + TaskLayout.TASK_BYTES * turn.taskCount;
    bytes.putInt(at, row);
    bytes.putInt(at + 12, tops);
    bytes.putInt(at + 16, turn.topCount);
    bytes.putInt(at + 20, turn.editCount);
    bytes.putInt(at + 24, needed);
    if (task instanceof LogitTask.Draw draw) {
      bytes.putInt(at + 4, KIND_DRAW);
      bytes.putInt(at + 8, 0);
      writeDraw(draw, bytes, at);
      if (needed > 0) {
        edits.write(draw.draw(), bytes, layout.edits() + TaskLayout.EDIT_BYTES * turn.editCount);
      }
    } else {
      bytes.putInt(at + 4, KIND_SCORE);
      bytes.putInt(at + 8, ((LogitTask.Score) task).targetTokenId());
    }
    turn.topStarts[turn.taskCount] = turn.topCount;
    turn.taskCount++;
    turn.editCount += needed;
    turn.topCount += tops;
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

  private void launch() {
    if (turn.taskCount == 0) {
      return;
    }
    turn.launches++;
    long device = backend.scratch().tasks();
    fetch.start();
    fetch.add(layout.tasks(), (long) TaskLayout.TASK_BYTES * turn.taskCount);
    fetch.add(layout.edits(), (long) TaskLayout.EDIT_BYTES * turn.editCount);
    fetch.run(turn.memory, device, backend.kernels(), backend.stream());
    long host = turn.memory.address();
    arguments
        .start()
        .beginStructure()
        .i64(gathered.address())
        .i64(device + layout.tasks())
        .i64(device + layout.edits())
        .i64(device + layout.tokens())
        .i64(host + layout.tokens())
        .i64(host + layout.logprobs())
        .i64(device + layout.topTokens())
        .i64(device + layout.topLogprobs())
        .i64(backend.scratch().workspace())
        .i64(gathered.pitch())
        .i32(vocabulary)
        .endStructure();
    kernel("survey")
        .launch(SURVEY_SLICES, turn.taskCount, SURVEY_THREADS, 0, arguments, backend.stream());
    int editedBytes = (int) StepLayout.divideUp(vocabulary, 32) * Integer.BYTES;
    kernel("sample")
        .withSharedBytes(editedBytes)
        .launch(turn.taskCount, 1, THREADS, editedBytes, arguments, backend.stream());
    if (collective.rank() == 0) {
      download(layout.topTokens(), turn.topCount);
      download(layout.topLogprobs(), turn.topCount);
    }
    turn.done.record(backend.stream());
    turn.outstanding = true;
  }

  private Kernel kernel(String entry) {
    return backend.kernels().get(KernelFile.SAMPLE, entry);
  }

  private void download(int at, int count) {
    turn.memory.download(at, backend.scratch().tasks() + at, 4L * count, backend.stream());
  }

  private void take(Turn taken) {
    ByteBuffer bytes = taken.memory.bytes();
    StepResult result = taken.result;
    taken.topStarts[taken.taskCount] = taken.topCount;
    for (int i = 0; i < taken.taskCount; i++) {
      int index = taken.firstTask + i;
      float logprob = bytes.getFloat(layout.logprobs() + 4 * i);
      int firstTop = taken.topStarts[i];
      result.tokenIds()[index] = bytes.getInt(layout.tokens() + 4 * i);
      result.logprobs()[index] = logprob;
      int tops = Float.isNaN(logprob) ? 0 : taken.topStarts[i + 1] - firstTop;
      int[] ids = tops == 0 ? NO_IDS : new int[tops];
      float[] logprobs = tops == 0 ? NO_LOGPROBS : new float[tops];
      for (int k = 0; k < tops; k++) {
        ids[k] = bytes.getInt(layout.topTokens() + 4 * (firstTop + k));
        logprobs[k] = bytes.getFloat(layout.topLogprobs() + 4 * (firstTop + k));
      }
      result.topTokenIds()[index] = ids;
      result.topLogprobs()[index] = logprobs;
    }
  }

  @Override
  public void close() {
    for (Turn each : turns) {
      each.close();
    }
  }
}
