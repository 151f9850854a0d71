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
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Products with int4 weights that stay int4 in memory: the kernels of {@code w4.cu} for few rows
 * and of {@code w4_wide.cu} for more. How the work is cut depends on the weight's shape, the device
 * and how many boxes of rows a launch takes: a row's bits do not depend on the other rows, but on
 * their number where they are more than a box holds.
 */
final class FusedInt4 {
  /**
   * Most boxes of a launch. Their thread blocks read the same weights at one time; the rows of more
   * boxes would not stay in the second-level cache.
   */
  private static final int BOXES_MAX = 8;

  /** Outputs of a unit of work, as in {@code w4.cuh}. */
  private static final int UNIT_OUTPUTS = 256;

  private static final int BLOCK_TILES = UNIT_OUTPUTS / WeightShape.TILE_OUTPUTS;

  /** Units that a thread block takes at least: below, it waits longer than it works. */
  private static final int SHARE_UNITS_MIN = 2;

  private static final int GROUP_THREADS = 128;

  /** Rows that w4_join takes at a time. */
  private static final int JOIN_ROWS = 8;

  private static final int STAGE_ALIGNMENT = 1024;

  /** The two barriers of a ring's stage. */
  private static final int BARRIER_BYTES = 2 * Long.BYTES;

  /** Two groups that multiply, a warp that brings. */
  private static final int FEW_THREADS = 2 * GROUP_THREADS + 32;

  /** The same with three warps more, which finish what is shared. */
  private static final int GATE_THREADS = 3 * GROUP_THREADS;

  /** A count for each output block that thread blocks share: fewer than multiprocessors. */
  static final int GATES_BYTES = 1024 * Integer.BYTES;

  /**
   * A kernel for boxes of rows.
   *
   * @param rows most rows of a thread block
   * @param stages most stages of its ring; each holds a unit
   * @param stageBytes of each, with its barriers
   */
  private record Box(
      KernelFile file, String entry, int rows, int threads, int stages, int stageBytes) {
    /** A kernel of few rows, whose ring is no larger than a thread block's share needs. */
    static Box few(int rows, int stages) {
      int stage = roundUp(unitBytes(rows) + BARRIER_BYTES, STAGE_ALIGNMENT);
      return new Box(KernelFile.W4, "w4_" + rows, rows, FEW_THREADS, stages, stage);
    }

    static Box wide(int rows, int stages) {
      return new Box(
          KernelFile.W4_WIDE,
          "w4_wide_" + rows,
          rows,
          3 * GROUP_THREADS,
          stages,
          ringStageBytes(rows));
    }

    /** A kernel whose warps multiply on their own, two rows of tiles at a time. */
    static Box byWarps(int rows, int stages) {
      int stage = rowBytes(rows) + 2 * WeightShape.TILE_BYTES;
      return new Box(KernelFile.W4, "w4_mma_" + rows, rows, 2 * GROUP_THREADS, stages, stage);
    }

    private static int ringStageBytes(int rows) {
      return roundUp(unitBytes(rows), STAGE_ALIGNMENT) + BARRIER_BYTES;
    }

    private static int unitBytes(int rows) {
      return rowBytes(rows) + BLOCK_TILES * WeightShape.TILE_BYTES;
    }

    private static int rowBytes(int rows) {
      return rows * WeightShape.TILE_INPUTS * DType.BF16.bytes();
    }

    int boxes(int count) {
      return (count + rows - 1) / rows;
    }

    boolean isFew() {
      return threads == FEW_THREADS;
    }
  }

  private static final List<Box> BOXES =
      List.of(
          Box.few(8, 11),
          Box.few(16, 10),
          Box.few(32, 8),
          Box.wide(64, 6),
          Box.wide(96, 5),
          Box.wide(128, 4));

  private static final List<Box> BOXES_BY_WARPS =
      List.of(Box.byWarps(8, 6), Box.byWarps(16, 6), Box.byWarps(32, 4), Box.byWarps(64, 3));

  private record MapKey(long address, int rows, int width, int boxRows) {}

  private final CudaDevice device;
  private final Kernels kernels;
  private final CudaStream stream;
  private final long partials;
  private final Optional<Long> gates;
  private final Arguments arguments = new Arguments();
  private final Map<MapKey, byte[]> maps = new HashMap<>();
  private Optional<ProductSums> left = Optional.empty();

  /**
   * @param partials device memory of {@link Matmuls#WORKSPACE_BYTES}
   * @param gates device memory of {@link #GATES_BYTES}, zero; none where another rank may keep
   *     thread blocks, which then wait for each other, from being on the device at one time
   */
  FusedInt4(
      CudaDevice device, Kernels kernels, CudaStream stream, long partials, Optional<Long> gates) {
    this.device = device;
    this.kernels = kernels;
    this.stream = stream;
    this.partials = partials;
    this.gates = gates;
  }

  /** Whether the kernels are those of wgmma, which reach what tensor cores can do. */
  boolean isByGroups() {
    return device.capability() == 90;
  }

  /** Whether so many rows are few: whoever reads their product adds its sums on the way. */
  boolean isFew(int rows) {
    return isByGroups() && box(BOXES, rows).isFew();
  }

  /**
   * y = x W^T + bias. Of few rows y is not written yet: its sums are left to {@link #take} or
   * {@link #settle}.
   *
   * @param bias address of a bf16 bias, or 0
   */
  void run(CudaTensor x, CudaWeight weight, long bias, CudaTensor y, int rows) {
    Box box = box(isByGroups() ? BOXES : BOXES_BY_WARPS, rows);
    int boxes = box.boxes(rows);
    int launches = (boxes + BOXES_MAX - 1) / BOXES_MAX;
    for (int i = 0; i < launches; i++) {
      int first = boxes * i / launches;
      int end = boxes * (i + 1) / launches;
      launch(box, x, weight, bias, y, first * box.rows(), Math.min(rows, end * box.rows()));
    }
  }

  /**
   * The smallest box that holds the rows, or of the two largest the one that leaves fewer empty.
   */
  private static Box box(List<Box> boxes, int rows) {
    for (Box box : boxes) {
      if (rows <= box.rows()) {
        return box;
      }
    }
    Box largest = boxes.get(boxes.size() - 1);
    Box other = boxes.get(boxes.size() - 2);
    return other.boxes(rows) * other.rows() < largest.boxes(rows) * largest.rows()
        ? other
        : largest;
  }

  /** Rows {@code first} to {@code end}. */
  private void launch(
      Box box, CudaTensor x, CudaWeight weight, long bias, CudaTensor y, int first, int end) {
    int boxes = box.boxes(end - first);
    int shares = shares(box, weight.shape(), boxes);
    arguments.start();
    if (isByGroups()) {
      arguments.bytes(map(x, box.rows()));
    } else {
      arguments.i64(x.address()).i32(x.pitch());
    }
    describe(weight, bias, y, first, end);
    int stages = box.stages();
    if (box.isFew()) {
      stages = (int) Math.min(stages, StepLayout.divideUp(units(weight.shape()), shares));
      arguments.i32(stages);
    }
    kernels
        .get(box.file(), box.entry())
        .withSharedBytes(box.stages() * box.stageBytes())
        .launch(shares, boxes, box.threads(), stages * box.stageBytes(), arguments, stream);
    if (box.isFew()) {
      int units = Math.toIntExact(units(weight.shape()));
      int columns = columns(weight.shape());
      left =
          Optional.of(new ProductSums(y, end, partials, bias, columns, units, shares, box.rows()));
    } else if (isCut(weight.shape(), shares)) {
      join(box, weight, bias, y, first, end, shares);
    }
  }

  /**
   * Whether {@link #runThenGate} serves a product of gate and up rows: each multiprocessor has
   * whole output blocks, which a ring goes round in.
   */
  boolean gates(CudaWeight weight, int rows) {
    WeightShape shape = weight.shape();
    Box box = box(BOXES, rows);
    return gates.isPresent()
        && isFew(rows)
        && rows > 0
        && shape.outputs() % UNIT_OUTPUTS == 0
        && blocks(shape) >= device.multiprocessors()
        && device.multiprocessors() <= GATES_BYTES / Integer.BYTES
        && columns(shape) > box.stages();
  }

  /**
   * y = silu(gate) * up of the product with a weight whose rows are those of gate and of up in
   * turn, 64 of each. Only where {@link #gates} says so.
   */
  void runThenGate(CudaTensor x, CudaWeight weight, CudaTensor y, int rows) {
    Box box = box(BOXES, rows);
    arguments.start().bytes(map(x, box.rows()));
    describe(weight, 0, y, 0, rows);
    arguments.i32(box.stages()).i64(gates.orElseThrow());
    kernels
        .get(box.file(), "w4_gate_" + box.rows())
        .withSharedBytes(box.stages() * box.stageBytes())
        .launch(
            device.multiprocessors(),
            1,
            GATE_THREADS,
            box.stages() * box.stageBytes(),
            arguments,
            stream);
  }

  /** The last product's sums, where they are y's and have not been added: the caller adds them. */
  Optional<ProductSums> take(CudaTensor y, int rows) {
    Optional<ProductSums> sums =
        left.filter(s -> s.y().address() == y.address() && s.rows() == rows);
    if (sums.isPresent()) {
      left = Optional.empty();
    } else {
      settle();
    }
    return sums;
  }

  /** Writes the last product, if its sums have not been added. */
  void settle() {
    if (left.isEmpty()) {
      return;
    }
    ProductSums sums = left.get();
    left = Optional.empty();
    CudaTensor y = sums.y();
    int outputs = y.pitch();
    kernels
        .get(KernelFile.W4, "w4_sum")
        .launch(
            sums.blocks(device, outputs),
            1,
            ProductSums.THREADS,
            0,
            sums.put(arguments.start())
                .i64(y.address())
                .i32(y.pitch())
                .i32(outputs)
                .i32(sums.rows())
                .i32(y.isFloat() ? 1 : 0),
            stream);
  }

  private void join(
      Box box, CudaWeight weight, long bias, CudaTensor y, int first, int end, int shares) {
    int blocks = Math.toIntExact(blocks(weight.shape()));
    boolean byCut = shares - 1 < blocks;
    arguments.start();
    describe(weight, bias, y, first, end);
    arguments.i32(shares).i32(box.rows()).i32(byCut ? 1 : 0);
    kernels
        .get(KernelFile.W4, "w4_join")
        .launch(
            BLOCK_TILES * (byCut ? shares - 1 : blocks),
            (end - first + JOIN_ROWS - 1) / JOIN_ROWS,
            GROUP_THREADS,
            0,
            arguments,
            stream);
  }

  /** Thread blocks that share a weight, for each box. */
  private int shares(Box box, WeightShape shape, int boxes) {
    int most = device.multiprocessors() * (isByGroups() ? 1 : 2);
    long setBytes = 2L * UNIT_OUTPUTS * box.rows() * Float.BYTES;
    long held = Matmuls.WORKSPACE_BYTES / setBytes;
    if (box.isFew()) {
      // a part for each share and each block that another begins in
      held = 2 * held - blocks(shape);
    }
    int shares =
        (int) Math.max(1, Math.min(Math.min(most, held) / boxes, units(shape) / SHARE_UNITS_MIN));
    return even(shape, shares);
  }

  /**
   * So many shares or, where the longest then takes no longer, as many as are each a part of one
   * output block: nobody ends a block and begins another, and there are fewer parts to add.
   */
  private static int even(WeightShape shape, int shares) {
    long longest = StepLayout.divideUp(units(shape), shares);
    boolean divides = units(shape) % longest == 0 && columns(shape) % longest == 0;
    return divides ? (int) (units(shape) / longest) : shares;
  }

  private static long units(WeightShape shape) {
    return blocks(shape) * columns(shape);
  }

  private static long blocks(WeightShape shape) {
    return StepLayout.divideUp(shape.outputs(), UNIT_OUTPUTS);
  }

  /** Whether any output block is worked on by several thread blocks. */
  private static boolean isCut(WeightShape shape, int shares) {
    return units(shape) % shares != 0 || units(shape) / shares % columns(shape) != 0;
  }

  private static int columns(WeightShape shape) {
    return Math.toIntExact(shape.inputs() / WeightShape.TILE_INPUTS);
  }

  private static int tileRows(WeightShape shape) {
    return Math.toIntExact(shape.outputs() / WeightShape.TILE_OUTPUTS);
  }

  private static int roundUp(int x, int by) {
    return (x + by - 1) / by * by;
  }

  /** Fills in Int4Product. */
  private void describe(CudaWeight weight, long bias, CudaTensor y, int first, int end) {
    WeightShape shape = weight.shape();
    arguments
        .beginStructure()
        .i64(weight.address())
        .i64(bias)
        .i64(y.address())
        .i64(partials)
        .i32(columns(shape))
        .i32(columns(shape) / shape.slabs())
        .i32(tileRows(shape))
        .i32(y.pitch())
        .i32(end)
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
