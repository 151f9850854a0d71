package dev.millrace.cuda.examination;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaEvent;
import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.device.DeviceArena;
import dev.millrace.cuda.device.DeviceContext;
import dev.millrace.cuda.device.Driver;
import dev.millrace.cuda.device.PinnedBuffer;
import dev.millrace.cuda.kernel.Arguments;
import dev.millrace.cuda.kernel.CacheFolder;
import dev.millrace.cuda.kernel.CudaLibraries;
import dev.millrace.cuda.kernel.KernelCompiler;
import dev.millrace.cuda.kernel.KernelFile;
import dev.millrace.cuda.kernel.Kernels;
import dev.millrace.cuda.matmul.AlgorithmStore;
import dev.millrace.cuda.matmul.CublasLt;
import dev.millrace.cuda.matmul.Matmuls;
import dev.millrace.cuda.matmul.Product;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import jcuda.driver.JCudaDriver;

/**
 * One GPU at work for about a second: a kernel compiled anew and checked, a product checked, and
 * rough rates of copies and products. Rough, since each is measured once, over a few milliseconds.
 */
final class Trial {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  /** Far more than any second-level cache holds. */
  private static final long COPY_BYTES = 256L << 20;

  private static final int UPLOAD_BYTES = 64 << 20;
  private static final int SUM_ELEMENTS = 1 << 16;
  private static final int THREADS = 256;

  /** Of the checked product: no multiples of tiles, all of 8 elements. */
  private static final Product SMALL = new Product(40, 72, 200, false, 200, 200, 72, true, false);

  private static final int LARGE_SIDE = 4096;
  private static final Product LARGE =
      new Product(
          LARGE_SIDE,
          LARGE_SIDE,
          LARGE_SIDE,
          false,
          LARGE_SIDE,
          LARGE_SIDE,
          LARGE_SIDE,
          false,
          false);

  private static final long SEED = 20261125;

  /**
   * What came of it.
   *
   * @param wrong what the GPU computed wrong; empty if nothing
   * @param compileSeconds time to compile a kernel file
   * @param architecture what it was compiled for
   * @param copyRate bytes read and written a second within its memory
   * @param uploadRate bytes a second from pinned host memory
   * @param productRate floating-point operations a second of a bf16 product
   */
  record Outcome(
      String wrong,
      double compileSeconds,
      String architecture,
      double copyRate,
      double uploadRate,
      double productRate) {

    String summary() {
      return "kernel compiled for %s in %.2f s; kernel and product are right; roughly %.2f TB/s in its memory, %.1f GB/s from the host, %.0f TFLOP/s in bf16"
          .formatted(
              architecture, compileSeconds, copyRate / 1e12, uploadRate / 1e9, productRate / 1e12);
    }
  }

  private final CudaDevice device;
  private final CudaLibraries libraries;
  private final Random random = new Random(SEED);

  Trial(CudaDevice device, CudaLibraries libraries) {
    this.device = device;
    this.libraries = libraries;
  }

  Outcome run() {
    Path folder;
    try {
      folder = Files.createTempDirectory("millrace-doctor-"); // so that nothing comes from a cache
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make a folder for temporary files", e);
    }
    try {
      return run(new CacheFolder(folder));
    } finally {
      remove(folder);
    }
  }

  private Outcome run(CacheFolder cache) {
    KernelCompiler compiler = KernelCompiler.open(libraries, cache);
    long start = System.nanoTime();
    compiler.cubin(KernelFile.NORM, 0, device);
    double compileSeconds = (System.nanoTime() - start) / 1e9;
    CublasLt cublasLt = CublasLt.load(libraries);
    try (DeviceContext context = DeviceContext.open(device);
        DeviceArena arena = DeviceArena.open("the examination", 2 * COPY_BYTES);
        PinnedBuffer host = new PinnedBuffer(UPLOAD_BYTES);
        CudaStream stream = new CudaStream();
        Kernels kernels = new Kernels(compiler, context.device());
        DeviceArena workspace =
            DeviceArena.open("the examination's products", Matmuls.WORKSPACE_BYTES);
        Matmuls matmuls =
            new Matmuls(
                cublasLt,
                new AlgorithmStore(cache, cublasLt, device),
                Matmuls.Choice.FIRST,
                workspace.take("workspace", Matmuls.WORKSPACE_BYTES),
                stream)) {
      long from = arena.take("source", COPY_BYTES);
      long to = arena.take("target", COPY_BYTES);
      String wrong = checkSum(kernels, host, from, to, stream);
      if (wrong.isEmpty()) {
        wrong = checkProduct(matmuls, host, from, to, stream);
      }
      return new Outcome(
          wrong,
          compileSeconds,
          device.architecture(),
          copyRate(from, to, stream),
          uploadRate(host, from, stream),
          productRate(matmuls, from, to, stream));
    }
  }

  /** x + y by a kernel of ours, in float32: equal to the bit, or wrong. */
  private String checkSum(Kernels kernels, PinnedBuffer host, long x, long y, CudaStream stream) {
    int bytes = SUM_ELEMENTS * Float.BYTES;
    ByteBuffer memory = host.bytes();
    float[] expected = new float[SUM_ELEMENTS];
    for (int i = 0; i < SUM_ELEMENTS; i++) {
      float left = random.nextFloat() - 0.5f;
      float right = bf16(random.nextFloat() - 0.5f);
      memory.putFloat(i * Float.BYTES, left);
      memory.putShort(bytes + i * Short.BYTES, (short) (Float.floatToRawIntBits(right) >>> 16));
      expected[i] = left + right;
    }
    host.upload(0, x, bytes, stream);
    host.upload(bytes, y, bytes / 2, stream);
    kernels
        .get(KernelFile.NORM, "add_f32")
        .launch(
            SUM_ELEMENTS / 8 / THREADS,
            1,
            THREADS,
            0,
            new Arguments().start().i64(x).i64(y).i64(SUM_ELEMENTS),
            stream);
    host.download(0, x, bytes, stream);
    stream.await(PATIENCE);
    for (int i = 0; i < SUM_ELEMENTS; i++) {
      if (memory.getFloat(i * Float.BYTES) != expected[i]) {
        return "a kernel that adds gave %s in place of %s at %d (seed %d)"
            .formatted(memory.getFloat(i * Float.BYTES), expected[i], i, SEED);
      }
    }
    return "";
  }

  /** y = x W^T of small whole numbers: exact in bf16 and in float32 sums. */
  private String checkProduct(
      Matmuls matmuls, PinnedBuffer host, long x, long y, CudaStream stream) {
    int[] left = smallNumbers(SMALL.rows() * SMALL.inputs());
    int[] right = smallNumbers(SMALL.outputs() * SMALL.inputs());
    ByteBuffer memory = host.bytes();
    int weightAt = (int) DeviceArena.pieceBytes(2L * left.length);
    putBf16(left, memory, 0);
    putBf16(right, memory, weightAt);
    host.upload(0, x, weightAt + 2L * right.length, stream);
    matmuls.run(SMALL, x, x + weightAt, List.of(), 0, y);
    host.download(0, y, 4L * SMALL.rows() * SMALL.outputs(), stream);
    stream.await(PATIENCE);
    for (int row = 0; row < SMALL.rows(); row++) {
      for (int output = 0; output < SMALL.outputs(); output++) {
        float expected = 0;
        for (int i = 0; i < SMALL.inputs(); i++) {
          expected += left[row * SMALL.inputs() + i] * right[output * SMALL.inputs() + i];
        }
        float found = memory.getFloat(4 * (row * SMALL.outputs() + output));
        if (found != expected) {
          return "a product of cuBLASLt gave %s in place of %s in row %d, column %d (seed %d)"
              .formatted(found, expected, row, output, SEED);
        }
      }
    }
    return "";
  }

  private int[] smallNumbers(int count) {
    return random.ints(count, -8, 9).toArray();
  }

  private static void putBf16(int[] values, ByteBuffer to, int at) {
    for (int i = 0; i < values.length; i++) {
      to.putShort(at + 2 * i, (short) (Float.floatToRawIntBits(values[i]) >>> 16));
    }
  }

  /** Cut to what bf16 holds. */
  private static float bf16(float value) {
    return Float.intBitsToFloat(Float.floatToRawIntBits(value) & 0xffff0000);
  }

  private static double copyRate(long from, long to, CudaStream stream) {
    int turns = 10;
    double seconds =
        seconds(
            stream,
            turns,
            () ->
                Driver.check(
                    JCudaDriver.cuMemcpyDtoDAsync(
                        Driver.pointer(to), Driver.pointer(from), COPY_BYTES, stream.handle()),
                    "copying on the device"));
    return 2.0 * COPY_BYTES / seconds;
  }

  /** Uploads numbers, not zeros: a GPU multiplies those faster than it can multiply others. */
  private double uploadRate(PinnedBuffer host, long to, CudaStream stream) {
    int[] block = smallNumbers(UPLOAD_BYTES / 256);
    for (int at = 0; at < UPLOAD_BYTES; at += 2 * block.length) {
      putBf16(block, host.bytes(), at);
    }
    return UPLOAD_BYTES / seconds(stream, 4, () -> host.upload(0, to, UPLOAD_BYTES, stream));
  }

  private static double productRate(Matmuls matmuls, long from, long to, CudaStream stream) {
    long weight = from + 2L * LARGE_SIDE * LARGE_SIDE;
    double seconds = seconds(stream, 20, () -> matmuls.run(LARGE, from, weight, List.of(), 0, to));
    return 2.0 * LARGE_SIDE * LARGE_SIDE * LARGE_SIDE / seconds;
  }

  /** Of one turn, after one that does not count. */
  private static double seconds(CudaStream stream, int turns, Runnable work) {
    try (CudaEvent start = new CudaEvent();
        CudaEvent end = new CudaEvent()) {
      work.run();
      start.record(stream);
      for (int i = 0; i < turns; i++) {
        work.run();
      }
      end.record(stream);
      stream.await(PATIENCE);
      return end.millisSince(start) / 1e3 / turns;
    }
  }

  private static void remove(Path folder) {
    try (Stream<Path> all = Files.walk(folder)) {
      for (Path file : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot remove " + folder, e);
    }
  }
}
