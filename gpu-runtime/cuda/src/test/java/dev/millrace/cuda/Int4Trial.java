package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.device.DeviceArena;
import dev.millrace.cuda.device.DeviceContext;
import dev.millrace.cuda.device.PinnedBuffer;
import dev.millrace.cuda.kernel.Kernels;
import dev.millrace.cuda.matmul.Matmuls;
import dev.millrace.cuda.matmul.Product;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.compute.WeightLayout;
import dev.millrace.engine.compute.WeightShape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Times the ways of multiplying with int4 weights, and bf16 weights beside them, on a GPU: {@code
 * Int4Trial SECONDS [OUTPUTSxINPUTSxSLABS ...]}. Prints microseconds a product, the way that would
 * be taken, and by how much the ways' results differ, which must be no more than bf16 rounds.
 */
final class Int4Trial implements AutoCloseable {
  private static final int ROWS_MAX = 8192;
  private static final int[] ROWS = {
    1, 8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192
  };
  private static final List<String> SHAPES =
      List.of(
          "59392x8192x1",
          "8192x29696x8",
          "10240x8192x1",
          "8192x8192x8",
          "37888x3584x1",
          "3584x18944x4",
          "4608x3584x1",
          "3584x3584x4",
          "14848x8192x1",
          "8192x7424x2");
  private static final int BLOCK_BYTES = 4096 * WeightShape.TILE_BYTES;
  private static final double DIFFERENCE_MAX = 6e-3;

  private final CudaDevice device;
  private final DeviceContext context;
  private final CudaStream stream = new CudaStream();
  private final Kernels kernels;
  private final DeviceArena arena = DeviceArena.unbounded("trial");
  private final long slab = arena.take("slab", Scratch.SLAB_BYTES);
  private final PinnedBuffer transfer = new PinnedBuffer(BLOCK_BYTES);
  private final byte[] tiles;
  private final byte[] numbers;
  private final Matmuls matmuls;
  private final Int4Matmul int4;
  private boolean failed;

  private Int4Trial(CudaParts parts, byte[] tiles, byte[] numbers) {
    this.tiles = tiles;
    this.numbers = numbers;
    device = parts.device(0);
    context = DeviceContext.open(device);
    kernels = new Kernels(parts.compiler(), device);
    long workspace = arena.take("workspace", Matmuls.WORKSPACE_BYTES);
    matmuls =
        new Matmuls(
            parts.cublasLt(), parts.algorithms(device), Matmuls.Choice.TIMED, workspace, stream);
    int4 =
        new Int4Matmul(
            new FusedInt4(device, kernels, stream, workspace, Optional.empty()),
            new SlabInt4(kernels, matmuls, stream, slab),
            new ExpandedInt4(matmuls),
            matmuls);
  }

  public static void main(String[] arguments) {
    long end = System.nanoTime() + (long) (Double.parseDouble(arguments[0]) * 1e9);
    List<String> shapes =
        arguments.length > 1 ? List.of(arguments).subList(1, arguments.length) : SHAPES;
    Random random = new Random(7);
    byte[] tiles = randomTiles(random);
    byte[] numbers = randomNumbers(random);
    boolean failed = false;
    for (String shape : shapes) {
      try (Int4Trial trial = new Int4Trial(Gpu.parts(), tiles, numbers)) {
        int[] sizes = List.of(shape.split("x", -1)).stream().mapToInt(Integer::parseInt).toArray();
        trial.run(
            new WeightShape(DType.F16, WeightLayout.INT4_TILES, sizes[0], sizes[1], sizes[2]), end);
        failed |= trial.failed;
      }
    }
    if (failed) {
      System.exit(1);
    }
  }

  private CudaTensor tensor(String name, DType type, int rows, int width) {
    long address = arena.take(name, CudaTensor.bytes(type, rows, width));
    return new CudaTensor(MemoryPurpose.ACTIVATIONS, name, type, rows, width, address);
  }

  /** Tiles of random nibbles, zeros of 0 to 15 and scales of 2^-7 to 2^-6. */
  private static byte[] randomTiles(Random random) {
    ByteBuffer tiles = ByteBuffer.allocate(BLOCK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    while (tiles.hasRemaining()) {
      for (int i = 0; i < 512; i++) {
        tiles.putLong(random.nextLong());
      }
      for (int i = 0; i < WeightShape.TILE_OUTPUTS; i++) {
        tiles.putShort((short) (0x2000 + random.nextInt(0x400)));
        tiles.putShort((short) (0x4300 + random.nextInt(16)));
      }
    }
    return tiles.array();
  }

  private static byte[] randomNumbers(Random random) {
    ByteBuffer numbers = ByteBuffer.allocate(BLOCK_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    while (numbers.hasRemaining()) {
      numbers.putShort(HostRows.bf16((float) random.nextGaussian()));
    }
    return numbers.array();
  }

  /** Fills device memory with a block of bytes, again and again. */
  private void fill(byte[] block, long address, long bytes) {
    transfer.bytes().duplicate().put(block);
    for (long at = 0; at < bytes; at += block.length) {
      transfer.upload(0, address + at, Math.min(block.length, bytes - at), stream);
    }
    stream.await(Duration.ofMinutes(1));
  }

  private CudaWeight weight(WeightShape shape) {
    long address = arena.take("weight", shape.bytes());
    fill(tiles, address, shape.bytes());
    return new CudaWeight("weight", shape, address, false);
  }

  private float[] read(CudaTensor y, int rows) {
    int4.settle();
    float[] values = new float[rows * y.width()];
    int rowBytes = y.pitch() * y.type().bytes();
    ByteBuffer bytes = transfer.bytes();
    for (int row = 0; row < rows; row++) {
      transfer.download(0, y.address() + (long) row * rowBytes, rowBytes, stream);
      stream.await(Duration.ofMinutes(1));
      HostRows.read(bytes, 0, y, values, row * y.width());
    }
    return values;
  }

  private void run(WeightShape shape, long end) {
    List<CudaWeight> weights = new ArrayList<>();
    long bytes = 0;
    while (bytes < 3L * device.l2Bytes()) {
      CudaWeight weight = weight(shape);
      int4.register(weight);
      weights.add(weight);
      bytes += shape.bytes();
    }
    CudaTensor x = tensor("x", DType.BF16, ROWS_MAX, Math.toIntExact(shape.inputs()));
    fill(numbers, x.address(), x.bytes());
    CudaTensor y = tensor("y", DType.BF16, ROWS_MAX, Math.toIntExact(shape.outputs()));
    List<Long> dense = dense(shape);
    for (int rows : ROWS) {
      if (System.nanoTime() > end) {
        System.out.println("out of time");
        return;
      }
      StringBuilder line = new StringBuilder();
      float[] first = null;
      for (Int4Matmul.Way way : Int4Matmul.Way.values()) {
        boolean fused = way == Int4Matmul.Way.FUSED;
        if (fused ? rows > 2048 : rows < 64) {
          continue;
        }
        int4.run(way, x, weights.get(0), 0, y, rows);
        float[] result = read(y, Math.min(rows, 4));
        double difference = first == null ? 0 : difference(first, result);
        first = first == null ? result : first;
        failed |= !(difference <= DIFFERENCE_MAX);
        float micros =
            1000
                * matmuls.millis(
                    turn -> int4.run(way, x, weights.get(turn % weights.size()), 0, y, rows));
        line.append(" %s %.1f".formatted(way.name().toLowerCase(java.util.Locale.ROOT), micros));
        line.append(
            fused
                ? " (%.2f TB/s)".formatted(shape.bytes() / micros / 1e6)
                : " (differs %.1e)".formatted(difference));
      }
      Product product = product(shape, rows, x, y);
      matmuls.run(product, x.address(), dense.get(0), dense, 0, y.address());
      float micros =
          1000
              * matmuls.millis(
                  turn ->
                      matmuls.run(
                          product,
                          x.address(),
                          dense.get(turn % dense.size()),
                          dense,
                          0,
                          y.address()));
      int4.run(x, weights.get(0), 0, y, rows);
      System.out.printf(
          "%d x %d in %d slabs, %4d rows:%s bf16 %.1f; taken: %s%n",
          shape.outputs(),
          shape.inputs(),
          shape.slabs(),
          rows,
          line,
          micros,
          int4.taken(x, weights.get(0), 0, y, rows));
    }
  }

  private static Product product(WeightShape shape, int rows, CudaTensor x, CudaTensor y) {
    int inputs = Math.toIntExact(shape.inputs());
    return new Product(
        rows,
        Math.toIntExact(shape.outputs()),
        inputs,
        false,
        inputs,
        x.pitch(),
        y.pitch(),
        false,
        false);
  }

  /** Addresses of bf16 matrices of a size: pieces of one stretch of random numbers. */
  private List<Long> dense(WeightShape shape) {
    long bytes = shape.outputs() * shape.inputs() * DType.BF16.bytes();
    int copies = (int) Math.max(1, 3L * device.l2Bytes() / bytes);
    long address = arena.take("dense", bytes * copies);
    fill(numbers, address, bytes * copies);
    return IntStream.range(0, copies).mapToObj(i -> address + i * bytes).toList();
  }

  private static double difference(float[] a, float[] b) {
    double square = 0;
    double all = 0;
    for (int i = 0; i < a.length; i++) {
      square += Math.pow((double) a[i] - b[i], 2);
      all += Math.pow(a[i], 2);
    }
    return Math.sqrt(square / all);
  }

  @Override
  public void close() {
    matmuls.close();
    kernels.close();
    transfer.close();
    arena.close();
    stream.close();
    context.close();
  }
}
