package dev.millrace.engine.compute;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import dev.millrace.api.engine.KvCacheType;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.EnumMap;
import java.util.Map;
import java.util.Random;

/**
 * An open backend and what a test allocated on it. Every tensor has two rows more than it uses: NaN
 * where it is read, a marker where it is written, checked to be untouched.
 */
final class BackendFixture implements AutoCloseable {
  /** Rows of a tensor beyond those a test uses. */
  private static final int GUARD_ROWS = 2;

  /** A number that every type of activation holds exactly. */
  private static final float MARKER = -12352f;

  final Random random;
  final Backend backend;
  private final BackendFactory factory;
  private final long seed;
  private final Deque<Allocation> allocations = new ArrayDeque<>();

  private BackendFixture(BackendFactory factory, StepLimits limits) {
    this.factory = factory;
    seed = Long.getLong("tests.seed", 20261125L);
    random = new Random(seed);
    Map<MemoryPurpose, Long> plan = new EnumMap<>(MemoryPurpose.class);
    for (MemoryPurpose purpose : MemoryPurpose.values()) {
      plan.put(purpose, 1L << 40);
    }
    plan.put(MemoryPurpose.SCRATCH, factory.scratchBytes(limits, 1));
    backend = factory.open(0, 1, limits, plan);
  }

  static BackendFixture open(BackendFactory factory, StepLimits limits) {
    return new BackendFixture(factory, limits);
  }

  /** Room for what the contract's cases without attention need. */
  static BackendFixture open(BackendFactory factory) {
    return open(factory, new StepLimits(128, 8, 1024, 16, 8320, new HeadLayout(1, 1, 8)));
  }

  /** A tensor that holds these rows, NaN after them. */
  Tensor input(String name, int width, double[][] values) {
    Tensor tensor = allocate(name, values.length + GUARD_ROWS, width);
    float[] flat = new float[tensor.rows() * width];
    Arrays.fill(flat, Float.NaN);
    for (int row = 0; row < values.length; row++) {
      for (int i = 0; i < width; i++) {
        flat[row * width + i] = (float) values[row][i];
      }
    }
    backend.write(flat, tensor, tensor.rows());
    return tensor;
  }

  /** A tensor to be written to. */
  Tensor output(String name, int rows, int width) {
    Tensor tensor = allocate(name, rows + GUARD_ROWS, width);
    float[] flat = new float[tensor.rows() * width];
    Arrays.fill(flat, MARKER);
    backend.write(flat, tensor, tensor.rows());
    return tensor;
  }

  private Tensor allocate(String name, int rows, int width) {
    return keep(
        backend.allocate(MemoryPurpose.ACTIVATIONS, name, factory.activationType(), rows, width));
  }

  Tensor table(String name, int rows, int width, float[] values) {
    Tensor tensor = keep(backend.allocate(MemoryPurpose.ACTIVATIONS, name, DType.F32, rows, width));
    backend.write(values, tensor, rows);
    return tensor;
  }

  Weight upload(TestWeight weight) {
    return keep(backend.upload(weight.data()));
  }

  KvCache kvCache(int layers, int blocks, HeadLayout heads, KvCacheType type) {
    return keep(backend.allocateKvCache("kv", layers, blocks, heads, type));
  }

  private <T extends Allocation> T keep(T allocation) {
    allocations.push(allocation);
    return allocation;
  }

  /** Random rows, in numbers the backend's activations can hold. */
  double[][] rows(int rows, int width) {
    double[][] values = new double[rows][width];
    for (double[] row : values) {
      for (int i = 0; i < width; i++) {
        row[i] = activation(random.nextGaussian());
      }
    }
    return values;
  }

  private double activation(double value) {
    int bits = Float.floatToRawIntBits((float) value);
    return switch (factory.activationType()) {
      case F32 -> (float) value;
      case BF16 -> Float.intBitsToFloat(bits & 0xffff0000);
      case F16 -> Float.intBitsToFloat(bits & 0xffffe000);
    };
  }

  /** Half the distance from 1 to the next activation: what storing a result may cost. */
  double epsilon() {
    return switch (factory.activationType()) {
      case F32 -> 0x1p-24;
      case F16 -> 0x1p-11;
      case BF16 -> 0x1p-8;
    };
  }

  float[] read(Tensor tensor, int rows) {
    float[] values = new float[rows * tensor.width()];
    backend.read(tensor, rows, values);
    return values;
  }

  /** Checks the rows of a result, and that no row after them was written. */
  void check(String what, Tensor result, double[][] expected, Tolerance tolerance) {
    int width = result.width();
    float[] found = read(result, result.rows());
    for (int row = 0; row < expected.length; row++) {
      for (int i = 0; i < width; i++) {
        double allowed = tolerance.allowed(row, i) + epsilon() * Math.abs(expected[row][i]);
        double difference = Math.abs(found[row * width + i] - expected[row][i]);
        if (!(difference <= allowed)) {
          fail(
              "%s: row %d of %d, column %d of %d: expected %s, found %s, allowed difference %.3g (seed %d)"
                  .formatted(
                      what,
                      row,
                      expected.length,
                      i,
                      width,
                      expected[row][i],
                      found[row * width + i],
                      allowed,
                      seed));
        }
      }
    }
    checkGuard(what, result, expected.length, found);
  }

  private static void checkGuard(String what, Tensor result, int rows, float[] found) {
    for (int i = (result.rows() - GUARD_ROWS) * result.width(); i < found.length; i++) {
      int at = i;
      assertEquals(
          MARKER, found[i], () -> "%s: wrote element %d, beyond row %d".formatted(what, at, rows));
    }
  }

  /** Difference allowed at a place of a result, beside the rounding of the result itself. */
  interface Tolerance {
    double allowed(int row, int column);

    static Tolerance of(double value) {
      return (row, column) -> value;
    }
  }

  @Override
  public void close() {
    while (!allocations.isEmpty()) {
      backend.release(allocations.pop());
    }
    backend.close();
  }
}
