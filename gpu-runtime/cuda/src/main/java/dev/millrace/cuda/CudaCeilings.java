package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaEvent;
import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.device.DeviceArena;
import dev.millrace.cuda.device.DeviceContext;
import dev.millrace.cuda.device.PinnedBuffer;
import dev.millrace.cuda.matmul.Matmuls;
import dev.millrace.cuda.matmul.Product;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.SplittableRandom;

/**
 * What a GPU can do at most, measured in about a second.
 *
 * @param bytesPerSecond read and written by a large copy within its memory, both counted
 * @param flopsPerSecond of a product of two 8192 x 8192 bf16 matrices of random numbers, a
 *     multiplication and an addition counted as two
 * @param uploadBytesPerSecond from pinned host memory
 */
public record CudaCeilings(
    double bytesPerSecond, double flopsPerSecond, double uploadBytesPerSecond) {
  private static final long COPY_BYTES = 1L << 30;
  private static final int COPIES = 40;
  private static final int SIDE = 8192;
  private static final int PRODUCTS = 60;
  private static final int PINNED_BYTES = 64 << 20;
  private static final int UPLOADS = 16;

  /**
   * Measures; needs 2.5 GiB of the GPU's memory for the while.
   *
   * @throws dev.millrace.cuda.device.CudaException if the GPU cannot be used, with what to do
   */
  public static CudaCeilings measure(int ordinal) {
    CudaParts parts = CudaParts.open();
    try (DeviceContext context = DeviceContext.open(parts.device(ordinal));
        CudaStream stream = new CudaStream();
        DeviceArena arena =
            DeviceArena.open("self-test", 2 * COPY_BYTES + Matmuls.WORKSPACE_BYTES);
        PinnedBuffer pinned = new PinnedBuffer(PINNED_BYTES)) {
      long from = arena.take("from", COPY_BYTES);
      long to = arena.take("to", COPY_BYTES);
      long workspace = arena.take("workspace", Matmuls.WORKSPACE_BYTES);
      randomise(pinned.bytes());
      double upload =
          PINNED_BYTES
              / seconds(stream, UPLOADS, i -> pinned.upload(0, from, PINNED_BYTES, stream));
      double copy =
          2 * COPY_BYTES / seconds(stream, COPIES, i -> stream.copy(from, to, COPY_BYTES));
      try (Matmuls matmuls =
          new Matmuls(
              parts.cublasLt(), parts.algorithms(context.device()), true, workspace, stream)) {
        return new CudaCeilings(copy, product(matmuls, stream, pinned, from, to), upload);
      }
    }
  }

  private static double product(
      Matmuls matmuls, CudaStream stream, PinnedBuffer pinned, long from, long to) {
    long matrixBytes = 2L * SIDE * SIDE;
    for (long at = 0; at < 2 * matrixBytes; at += PINNED_BYTES) {
      pinned.upload(0, from + at, PINNED_BYTES, stream);
    }
    Product square = new Product(SIDE, SIDE, SIDE, false, SIDE, SIDE, SIDE, false, false);
    long weight = from + matrixBytes;
    matmuls.run(square, from, weight, List.of(weight), 0, to);
    double seconds =
        seconds(stream, PRODUCTS, i -> matmuls.run(square, from, weight, List.of(weight), 0, to));
    return 2.0 * SIDE * SIDE * SIDE / seconds;
  }

  /** Work put into the stream again and again. */
  @FunctionalInterface
  private interface Work {
    void put(int turn);
  }

  /** Seconds of one turn, after one that does not count. */
  private static double seconds(CudaStream stream, int turns, Work work) {
    try (CudaEvent start = new CudaEvent();
        CudaEvent end = new CudaEvent()) {
      work.put(0);
      start.record(stream);
      for (int i = 0; i < turns; i++) {
        work.put(i);
      }
      end.record(stream);
      return end.millisSince(start) / 1e3 / turns;
    }
  }

  /** Bf16 numbers from -1 to 1: zeros would need less power and so run faster. */
  private static void randomise(ByteBuffer bytes) {
    SplittableRandom random = new SplittableRandom(1);
    for (int i = 0; i < bytes.capacity() / Short.BYTES; i++) {
      bytes.putShort(Short.BYTES * i, HostRows.bf16((float) (random.nextDouble() * 2 - 1)));
    }
  }
}
