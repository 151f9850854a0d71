package dev.millrace.engine.compute;

import dev.millrace.engine.compute.kernel.Kernels;
import dev.millrace.engine.compute.kernel.Matrix;
import dev.millrace.engine.compute.kernel.Work;
import dev.millrace.engine.compute.kernel.WorkerPool;

/**
 * Matrix products: each unit of work takes some outputs, copies and decodes their weights block by
 * block to scratch, and uses each decoded block for all rows. So every weight is read from memory
 * and decoded once, and no sum is shared by two workers. Weights that lie by output, and int4
 * tiles, are summed in runs of inputs of at most {@link Kernels#DOT_INPUTS_MAX}; those that lie by
 * input, one input after the other.
 */
final class CpuMatmul implements Work {
  /** Outputs decoded at a time, for weights that lie by output: L2 is enough where rows share. */
  private static final int DOT_OUTPUTS = 64;

  /** The same for one row, which uses each weight once: the copies should stay in L1. */
  private static final int DOT_OUTPUTS_OF_ONE_ROW = 32;

  /** Most outputs of a unit, for weights that lie by input. */
  private static final int COLUMNS_MAX = 512;

  /** Weights decoded at a time for these: few enough to stay in L1 while rows pass. */
  private static final int COLUMN_WEIGHTS = 16384;

  /** Rows whose activations are put into the order of int4 tiles at a time. */
  private static final int TILE_ROWS = 256;

  private final WorkerPool pool;
  private final CpuWorker[] workers;
  private final float[] tiled; // (rows, inputs) of the int4 product at hand, in tile order
  private final Work tileOrder = this::toTileOrder;
  private final AddBias addBias = new AddBias();
  private final Gate gate = new Gate();

  // The product at hand.
  private float[] x;
  private float[] y;
  private CpuWeight weight;
  private int inputs;
  private int outputs;
  private int unitOutputs;
  private Finish finish;

  // The part of it at hand: all of it, but for int4.
  private int firstRow;
  private int someRows;
  private int firstInput;
  private int someInputs;

  CpuMatmul(WorkerPool pool, CpuWorker[] workers, int tokensMax) {
    this.pool = pool;
    this.workers = workers;
    tiled = new float[tiledElements(tokensMax)];
  }

  static long bytes(int tokensMax) {
    return (long) tiledElements(tokensMax) * Float.BYTES;
  }

  private static int tiledElements(int tokensMax) {
    return Math.min(TILE_ROWS, tokensMax) * Kernels.DOT_INPUTS_MAX;
  }

  /** What is done with some outputs of all rows once they are there. */
  private interface Finish {
    Finish NONE = (worker, first, count) -> {};

    void run(CpuWorker worker, int first, int count);
  }

  /** y = x W^T. */
  void product(HostTensor x, CpuWeight weight, HostTensor y, int rows) {
    run(x, weight, y, rows, Finish.NONE, 1);
  }

  /** y = x W^T + bias. */
  void productAddBias(HostTensor x, CpuWeight weight, CpuWeight bias, HostTensor y, int rows) {
    addBias.bias = bias.vector();
    run(x, weight, y, rows, addBias, 1);
  }

  /** wide = x W^T, then gated = silu(gate) * up of it. */
  void productThenGate(
      HostTensor x, CpuWeight weight, HostTensor wide, HostTensor gated, int rows) {
    gate.to = gated.values();
    run(x, weight, wide, rows, gate, 2 * Backend.GATE_BLOCK);
  }

  /**
   * @param together outputs that the finish must have in one piece
   */
  private void run(HostTensor xs, CpuWeight w, HostTensor ys, int rows, Finish last, int together) {
    x = xs.values();
    y = ys.values();
    weight = w;
    inputs = xs.width();
    outputs = ys.width();
    finish = last;
    firstRow = 0;
    someRows = rows;
    firstInput = 0;
    someInputs = inputs;
    unitOutputs = roundUp(unitOutputs(), together);
    int units = (outputs + unitOutputs - 1) / unitOutputs;
    if (w.shape().layout() == WeightLayout.INT4_TILES) {
      runTiles(rows, units);
    } else if (rows > 0) {
      pool.run(this, units);
    }
  }

  private int unitOutputs() {
    return switch (weight.shape().layout()) {
      case OUTPUT_MAJOR -> dotOutputs();
      case INT4_TILES -> WeightShape.TILE_OUTPUTS;
      case INPUT_MAJOR -> {
        // The same number of units for each worker, in whole pairs of registers.
        int share = pool.workers() * COLUMNS_MAX;
        int units = (outputs + share - 1) / share * pool.workers();
        yield roundUp((outputs + units - 1) / units, 32);
      }
    };
  }

  private int dotOutputs() {
    return someRows == 1 ? DOT_OUTPUTS_OF_ONE_ROW : DOT_OUTPUTS;
  }

  private static int roundUp(int value, int unit) {
    return (value + unit - 1) / unit * unit;
  }

  /** Inputs of a run: depends on the inputs alone, as the order of sums must. */
  private static int runInputs(int inputs, int unit) {
    int runs = (inputs + Kernels.DOT_INPUTS_MAX - 1) / Kernels.DOT_INPUTS_MAX;
    return roundUp((inputs + runs - 1) / runs, unit);
  }

  /** Int4: as many rows and runs of inputs at a time as there is room for in tile order. */
  private void runTiles(int rows, int units) {
    int run = runInputs(inputs, WeightShape.TILE_INPUTS);
    for (firstRow = 0; firstRow < rows; firstRow += someRows) {
      someRows = Math.min(rows - firstRow, TILE_ROWS);
      int room = tiled.length / someRows / run * run;
      for (firstInput = 0; firstInput < inputs; firstInput += room) {
        someInputs = Math.min(room, inputs - firstInput);
        pool.run(tileOrder, someRows);
        pool.run(this, units);
      }
    }
  }

  private void toTileOrder(int worker, int row) {
    workers[worker].kernels.toTileOrder(
        x, (firstRow + row) * inputs + firstInput, tiled, row * someInputs, someInputs);
  }

  @Override
  public void run(int workerIndex, int unit) {
    CpuWorker worker = workers[workerIndex];
    int first = unit * unitOutputs;
    int end = Math.min(first + unitOutputs, outputs);
    switch (weight.shape().layout()) {
      case OUTPUT_MAJOR -> {
        int block = dotOutputs();
        for (int o = first; o < end; o += block) {
          dots(worker, o, Math.min(block, end - o));
        }
      }
      case INPUT_MAJOR -> columns(worker, first, end - first);
      case INT4_TILES -> {
        for (int o = first; o < end; o += WeightShape.TILE_OUTPUTS) {
          tiles(worker, o);
        }
      }
    }
    if (firstInput + someInputs == inputs) {
      finish.run(worker, first, end - first);
    }
  }

  private void dots(CpuWorker worker, int first, int count) {
    boolean halves = weight.shape().type() != DType.F32;
    int run = runInputs(inputs, Kernels.PAD);
    for (int input = 0; input < inputs; input += run) {
      int some = Math.min(run, inputs - input);
      int stride = roundUp(some, Kernels.PAD);
      if (stride == inputs) {
        copy(worker, (long) first * inputs, 0, count * inputs);
      } else {
        for (int o = 0; o < count; o++) {
          copy(worker, (long) (first + o) * inputs + input, o * stride, some);
        }
      }
      Matrix xs = worker.x.set(x, input, inputs);
      Matrix ws = worker.w.set(worker.weights, 0, stride);
      Matrix ys = worker.y.set(y, first, outputs);
      if (halves && someRows == 1) {
        boolean f16 = weight.shape().type() == DType.F16;
        worker.kernels.dotsOfHalves(xs, worker.halves, stride, f16, count, some, ys, input > 0, ws);
      } else {
        widen(worker, count * stride);
        worker.kernels.dots(xs, someRows, ws, count, some, ys, input > 0);
      }
    }
  }

  private void columns(CpuWorker worker, int first, int count) {
    int stride = roundUp(count, Kernels.PAD);
    int run = COLUMN_WEIGHTS / stride;
    for (int input = 0; input < inputs; input += run) {
      int some = Math.min(run, inputs - input);
      if (stride == outputs) {
        copy(worker, (long) input * outputs, 0, some * outputs);
      } else {
        for (int k = 0; k < some; k++) {
          copy(worker, (long) (input + k) * outputs + first, k * stride, count);
        }
      }
      widen(worker, some * stride);
      worker.kernels.columns(
          worker.x.set(x, input, inputs),
          someRows,
          worker.w.set(worker.weights, 0, stride),
          count,
          some,
          worker.y.set(y, first, outputs),
          input > 0);
    }
  }

  /** Copies a run of elements: float32 to where weights are used, 16 bits to be widened. */
  private void copy(CpuWorker worker, long start, int toStart, int count) {
    if (weight.shape().type() == DType.F32) {
      weight.copy(start, worker.weights, toStart, count);
    } else {
      weight.copy(start, worker.halves, toStart, count);
    }
  }

  /** Widens what was copied, if it needs that. */
  private void widen(CpuWorker worker, int count) {
    switch (weight.shape().type()) {
      case F32 -> {}
      case F16 -> worker.kernels.widenF16(worker.halves, 0, worker.weights, 0, count);
      case BF16 -> worker.kernels.widenBf16(worker.halves, 0, worker.weights, 0, count);
    }
  }

  private void tiles(CpuWorker worker, int first) {
    int run = runInputs(inputs, WeightShape.TILE_INPUTS);
    boolean scalesAreF16 = weight.shape().type() == DType.F16;
    for (int input = firstInput; input < firstInput + someInputs; input += run) {
      int some = Math.min(run, firstInput + someInputs - input);
      for (int i = 0; i < some; i += WeightShape.TILE_INPUTS) {
        weight.copyTile(tileIndex(first, input + i), worker.tile);
        worker.kernels.widenTile(worker.tile, scalesAreF16, worker.w.set(worker.weights, i, some));
      }
      worker.kernels.dots(
          worker.x.set(tiled, input - firstInput, someInputs),
          someRows,
          worker.w.set(worker.weights, 0, some),
          WeightShape.TILE_OUTPUTS,
          some,
          worker.y.set(y, firstRow * outputs + first, outputs),
          input > 0);
    }
  }

  private long tileIndex(int output, int input) {
    int slabInputs = inputs / weight.shape().slabs();
    int rowTiles = slabInputs / WeightShape.TILE_INPUTS;
    long slabTiles = (long) outputs / WeightShape.TILE_OUTPUTS * rowTiles;
    return input / slabInputs * slabTiles
        + (long) output / WeightShape.TILE_OUTPUTS * rowTiles
        + input % slabInputs / WeightShape.TILE_INPUTS;
  }

  private final class AddBias implements Finish {
    private float[] bias = {};

    @Override
    public void run(CpuWorker worker, int first, int count) {
      for (int row = firstRow; row < firstRow + someRows; row++) {
        worker.kernels.add(y, row * outputs + first, bias, first, count);
      }
    }
  }

  private final class Gate implements Finish {
    private float[] to = {};

    @Override
    public void run(CpuWorker worker, int first, int count) {
      int width = outputs / 2;
      for (int row = firstRow; row < firstRow + someRows; row++) {
        for (int o = first; o < first + count; o += 2 * Backend.GATE_BLOCK) {
          int start = row * outputs + o;
          worker.kernels.gate(
              y, start, start + Backend.GATE_BLOCK, to, row * width + o / 2, Backend.GATE_BLOCK);
        }
      }
    }
  }
}
