package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.device.TensorMap;
import dev.millrace.cuda.kernel.Arguments;
import dev.millrace.cuda.kernel.Kernel;
import dev.millrace.cuda.kernel.KernelFile;
import dev.millrace.cuda.kernel.Kernels;
import dev.millrace.cuda.matmul.Matmuls;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.WeightShape;
import java.util.HashMap;
import java.util.Map;

/**
 * Products with int4 weights that stay int4 in memory: the kernels of {@code w4.cu}. How the work
 * is cut depends on the weight's shape and the device alone, so a row's bits do not depend on the
 * number of rows.
 */
final class FusedInt4 {
  /** Most rows of a launch. */
  static final int ROWS_MAX = 128;

  private static final int TICKETS = 16384;

  /** Device memory for tickets, zeros between launches. */
  static final int TICKET_BYTES = TICKETS * Integer.BYTES;

  /** Outputs of a unit of work, as in {@code w4.cu}. */
  private static final int UNIT_OUTPUTS = 256;

  private static final int GROUP_THREADS = 128;

  /** Units that a thread block takes at least: below, it waits longer than it works. */
  private static final int SHARE_UNITS_MIN = 2;

  /** Thread blocks whose sums fit into the workspace. */
  private static final int SHARES_MAX =
      Math.toIntExact(Matmuls.WORKSPACE_BYTES / (2L * UNIT_OUTPUTS * ROWS_MAX * Float.BYTES));

  /**
   * A kernel's sizes, as in {@code w4.cu}.
   *
   * @param rows most rows of x
   * @param groups groups of four warps that multiply by wgmma
   * @param tiles rows of tiles of each
   * @param stages stages of its ring
   * @param mmaStages stages where warps multiply on their own
   */
  private record Box(int rows, int groups, int tiles, int stages, int mmaStages) {
    int threads() {
      return GROUP_THREADS * (groups + 1);
    }

    private int xBytes() {
      return rows * WeightShape.TILE_INPUTS * 2;
    }

    int sharedBytes() {
      int stage = (xBytes() + groups * tiles * WeightShape.TILE_BYTES + 1023) / 1024 * 1024;
      return stages * stage + stages * 2 * Long.BYTES + groups * Integer.BYTES;
    }

    int mmaSharedBytes() {
      return mmaStages * (xBytes() + 2 * WeightShape.TILE_BYTES) + 2 * Integer.BYTES;
    }
  }

  private static final Box[] BOXES = {
    new Box(8, 4, 1, 11, 6),
    new Box(16, 4, 1, 10, 6),
    new Box(32, 2, 2, 8, 4),
    new Box(64, 2, 2, 6, 3),
    new Box(ROWS_MAX, 2, 1, 5, 2)
  };

  private record MapKey(long address, int rows, int width, int boxRows) {}

  private final CudaDevice device;
  private final Kernels kernels;
  private final CudaStream stream;
  private final long partials;
  private final long tickets;
  private final Arguments arguments = new Arguments();
  private final Map<MapKey, byte[]> maps = new HashMap<>();

  /**
   * @param partials device memory of {@link Matmuls#WORKSPACE_BYTES}
   * @param tickets device memory of {@link #TICKET_BYTES}, zeros
   */
  FusedInt4(CudaDevice device, Kernels kernels, CudaStream stream, long partials, long tickets) {
    this.device = device;
    this.kernels = kernels;
    this.stream = stream;
    this.partials = partials;
    this.tickets = tickets;
  }

  /** Whether the kernels are those of wgmma, which reach what tensor cores can do. */
  boolean isByGroups() {
    return device.capability() == 90;
  }

  /**
   * y = x W^T + bias.
   *
   * @param bias address of a bf16 bias, or 0
   */
  void run(CudaTensor x, CudaWeight weight, long bias, CudaTensor y, int rows) {
    int shares = shares(weight.shape());
    for (int first = 0; first < rows; first += ROWS_MAX) {
      launch(x, weight, bias, y, first, rows, shares);
    }
  }

  /** Thread blocks for a weight. */
  private int shares(WeightShape shape) {
    long blocks = StepLayout.divideUp(shape.outputs(), UNIT_OUTPUTS);
    if (blocks * (UNIT_OUTPUTS / WeightShape.TILE_OUTPUTS) > TICKETS) {
      throw new IllegalArgumentException(
          "int4 weight: expected at most %d outputs, found %d"
              .formatted(TICKETS * WeightShape.TILE_OUTPUTS, shape.outputs()));
    }
    long units = blocks * (shape.inputs() / WeightShape.TILE_INPUTS);
    int most = isByGroups() ? device.multiprocessors() : 2 * device.multiprocessors();
    return (int) Math.max(1, Math.min(Math.min(most, SHARES_MAX), units / SHARE_UNITS_MIN));
  }

  private void launch(
      CudaTensor x, CudaWeight weight, long bias, CudaTensor y, int first, int rows, int shares) {
    Box box = box(rows - first);
    arguments.start();
    String entry;
    int threads;
    int sharedBytes;
    if (isByGroups()) {
      entry = "w4_" + box.rows();
      threads = box.threads();
      sharedBytes = box.sharedBytes();
      arguments.bytes(map(x, box.rows()));
    } else {
      entry = "w4_mma_" + box.rows();
      threads = 2 * GROUP_THREADS;
      sharedBytes = box.mmaSharedBytes();
      arguments.i64(x.address()).i32(x.pitch());
    }
    describe(weight, bias, y, first, rows);
    Kernel kernel = kernels.get(KernelFile.W4, entry).withSharedBytes(sharedBytes);
    kernel.launch(shares, 1, threads, sharedBytes, arguments, stream);
  }

  /** The smallest box that holds the rows, or the largest. */
  private static Box box(int rows) {
    for (Box box : BOXES) {
      if (rows <= box.rows()) {
        return box;
      }
    }
    return BOXES[BOXES.length - 1];
  }

  /** Fills in Int4Product. */
  private void describe(CudaWeight weight, long bias, CudaTensor y, int first, int rows) {
    WeightShape shape = weight.shape();
    int columns = Math.toIntExact(shape.inputs() / WeightShape.TILE_INPUTS);
    arguments
        .beginStructure()
        .i64(weight.address())
        .i64(bias)
        .i64(y.address())
        .i64(partials)
        .i64(tickets)
        .i32(columns)
        .i32(columns / shape.slabs())
        .i32(Math.toIntExact(shape.outputs() / WeightShape.TILE_OUTPUTS))
        .i32(y.pitch())
        .i32(rows)
        .i32(first)
        .i32(shape.type() == DType.F16 ? 1 : 0)
        .i32(y.isFloat() ? 1 : 0)
        .endStructure();
  }

  private byte[] map(CudaTensor x, int boxRows) {
    return maps.computeIfAbsent(
        new MapKey(x.address(), x.rows(), x.width(), boxRows),
        key -> new TensorMap(x.address(), x.rows(), x.width(), x.pitch(), boxRows).bytes());
  }
}
