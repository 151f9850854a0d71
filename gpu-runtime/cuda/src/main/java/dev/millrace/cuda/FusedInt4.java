package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.device.TensorMap;
import dev.millrace.cuda.kernel.Arguments;
import dev.millrace.cuda.kernel.KernelFile;
import dev.millrace.cuda.kernel.Kernels;
import dev.millrace.cuda.matmul.Matmuls;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.WeightShape;
import java.util.HashMap;
import java.util.Map;

/**
 * Products with int4 weights that stay int4 in memory: the kernels of {@code w4.cu} for few rows
 * and of {@code w4_wide.cu} for more. How the work is cut depends on the weight's shape, the device
 * and how many boxes of rows a launch takes: a row's bits do not depend on the other rows, but on
 * their number where they are more than {@link #ROWS_MAX}.
 */
final class FusedInt4 {
  /** Most rows of a box. */
  static final int ROWS_MAX = 128;

  /**
   * Most boxes of a launch. Their thread blocks read the same weights at one time; the rows of more
   * boxes would not stay in the second-level cache.
   */
  private static final int BOXES_MAX = 8;

  private static final int TICKETS = 32768;

  /** Device memory for tickets, zeros between launches. */
  static final int TICKET_BYTES = TICKETS * Integer.BYTES;

  /** Outputs of a unit of work, as in {@code w4.cu}. */
  private static final int UNIT_OUTPUTS = 256;

  /** Rows of tiles of a unit. */
  private static final int BLOCK_TILES = UNIT_OUTPUTS / WeightShape.TILE_OUTPUTS;

  private static final int GROUP_THREADS = 128;

  /** Units that a thread block takes at least: below, it waits longer than it works. */
  private static final int SHARE_UNITS_MIN = 2;

  /** Thread blocks whose sums fit into the workspace. */
  private static final int SHARES_MAX =
      Math.toIntExact(Matmuls.WORKSPACE_BYTES / (2L * UNIT_OUTPUTS * ROWS_MAX * Float.BYTES));

  /**
   * A kernel's sizes, as in {@code w4.cu} and {@code w4_wide.cu}.
   *
   * @param file where it is
   * @param rows most rows of x of a thread block
   * @param groups groups of four warps that multiply by wgmma
   * @param tiles rows of tiles of each
   * @param stages stages of its ring
   */
  private record Box(KernelFile file, int rows, int groups, int tiles, int stages) {
    String entry() {
      return (file == KernelFile.W4 ? "w4_" : "w4_wide_") + rows;
    }

    int threads() {
      return GROUP_THREADS * (groups + 1);
    }

    int sharedBytes() {
      int tokens = rows * WeightShape.TILE_INPUTS * DType.BF16.bytes();
      int stage = (tokens + groups * tiles * WeightShape.TILE_BYTES + 1023) / 1024 * 1024;
      return stages * stage + stages * 2 * Long.BYTES + groups * Integer.BYTES;
    }
  }

  /** By wgmma, few rows: the smallest that holds them. */
  private static final Box[] BOXES = {
    new Box(KernelFile.W4, 8, 4, 1, 11),
    new Box(KernelFile.W4, 16, 2, 2, 10),
    new Box(KernelFile.W4, 32, 2, 2, 8),
    new Box(KernelFile.W4, 64, 2, 2, 6)
  };

  /** By wgmma, more rows: as many boxes as they need. */
  private static final Box BOX_96 = new Box(KernelFile.W4_WIDE, 96, 2, 2, 5);

  private static final Box BOX_128 = new Box(KernelFile.W4_WIDE, ROWS_MAX, 2, 2, 4);

  /**
   * Where warps multiply on their own.
   *
   * @param rows most rows of x
   * @param stages stages of its ring
   */
  private record MmaBox(int rows, int stages) {
    int sharedBytes() {
      int stage = rows * WeightShape.TILE_INPUTS * DType.BF16.bytes() + 2 * WeightShape.TILE_BYTES;
      return stages * stage + 2 * Integer.BYTES;
    }
  }

  private static final MmaBox[] MMA_BOXES = {
    new MmaBox(8, 6), new MmaBox(16, 6), new MmaBox(32, 4), new MmaBox(64, 3), new MmaBox(128, 2)
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
    if (!isByGroups()) {
      runByWarps(x, weight, bias, y, rows);
      return;
    }
    for (Box box : BOXES) {
      if (rows <= box.rows()) {
        launch(box, x, weight, bias, y, 0, rows, 1);
        return;
      }
    }
    Box box = wideBox(rows);
    int boxes = boxes(box, rows);
    int launches = (boxes + BOXES_MAX - 1) / BOXES_MAX;
    for (int i = 0; i < launches; i++) {
      int first = boxes * i / launches;
      int some = boxes * (i + 1) / launches - first;
      launch(box, x, weight, bias, y, first * box.rows(), rows, some);
    }
  }

  /** The box with which the fewest rows are worked on in vain. */
  private static Box wideBox(int rows) {
    return boxes(BOX_96, rows) * BOX_96.rows() < boxes(BOX_128, rows) * BOX_128.rows()
        ? BOX_96
        : BOX_128;
  }

  private static int boxes(Box box, int rows) {
    return (rows + box.rows() - 1) / box.rows();
  }

  /** Thread blocks for a weight, each box of a launch. */
  private int shares(WeightShape shape, int most) {
    long blocks = blocks(shape);
    if (blocks * BLOCK_TILES * BOXES_MAX > TICKETS) {
      throw new IllegalArgumentException(
          "int4 weight: expected at most %d outputs, found %d"
              .formatted(TICKETS / BOXES_MAX * WeightShape.TILE_OUTPUTS, shape.outputs()));
    }
    long units = blocks * (shape.inputs() / WeightShape.TILE_INPUTS);
    return (int) Math.max(1, Math.min(most, units / SHARE_UNITS_MIN));
  }

  private static long blocks(WeightShape shape) {
    return StepLayout.divideUp(shape.outputs(), UNIT_OUTPUTS);
  }

  private void launch(
      Box box,
      CudaTensor x,
      CudaWeight weight,
      long bias,
      CudaTensor y,
      int first,
      int rows,
      int boxes) {
    arguments.start().bytes(map(x, box.rows()));
    describe(weight, bias, y, first, rows);
    int most = Math.min(device.multiprocessors(), SHARES_MAX) / boxes;
    int sharedBytes = box.sharedBytes();
    kernels
        .get(box.file(), box.entry())
        .withSharedBytes(sharedBytes)
        .launch(shares(weight.shape(), most), boxes, box.threads(), sharedBytes, arguments, stream);
  }

  private void runByWarps(CudaTensor x, CudaWeight weight, long bias, CudaTensor y, int rows) {
    int shares = shares(weight.shape(), Math.min(2 * device.multiprocessors(), SHARES_MAX));
    for (int first = 0; first < rows; first += ROWS_MAX) {
      MmaBox box = mmaBox(rows - first);
      arguments.start().i64(x.address()).i32(x.pitch());
      describe(weight, bias, y, first, rows);
      int sharedBytes = box.sharedBytes();
      kernels
          .get(KernelFile.W4, "w4_mma_" + box.rows())
          .withSharedBytes(sharedBytes)
          .launch(shares, 1, 2 * GROUP_THREADS, sharedBytes, arguments, stream);
    }
  }

  /** The smallest box that holds the rows, or the largest. */
  private static MmaBox mmaBox(int rows) {
    for (MmaBox box : MMA_BOXES) {
      if (rows <= box.rows()) {
        return box;
      }
    }
    return MMA_BOXES[MMA_BOXES.length - 1];
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
