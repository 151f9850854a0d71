package dev.millrace.engine.compute;

import dev.millrace.api.engine.KvCacheType;
import dev.millrace.engine.compute.kernel.Ceilings;
import dev.millrace.engine.compute.kernel.KernelChoice;
import dev.millrace.engine.step.StepPlan;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Times the CPU backend on the shapes of SmolLM2-135M, 30 layers of distinct weights so that no
 * weight is read from a cache, beside what the machine can do at most:
 *
 * <pre>java --add-modules jdk.incubator.vector -Xmx2g -XX:MaxDirectMemorySize=2g \
 *   -cp gpu-runtime/engine/target/classes:gpu-runtime/engine/target/test-classes:... \
 *   dev.millrace.engine.compute.CpuBackendBenchmark [bf16|f16|f32|int4] [vector|plain] [threads]
 * </pre>
 *
 * Best of several rounds. Correctness is the contract tests' business.
 */
final class CpuBackendBenchmark implements AutoCloseable {
  private static final int HIDDEN = 576;
  private static final int FEED_FORWARD = 1536;
  private static final int VOCABULARY = 49152;
  private static final int LAYERS = 30;
  private static final int CONTEXT = 96;
  private static final HeadLayout HEADS = new HeadLayout(3, 3, 64);
  private static final int ROWS_MAX = 512;
  private static final int[] ROWS = {1, 2, 4, 8, 16, 32, 128, 512};

  private final Random random = new Random(1);
  private final String type;
  private final int threads;
  private final Backend backend;
  private final List<Weight> qkv = new ArrayList<>();
  private final List<Weight> output = new ArrayList<>();
  private final List<Weight> gateUp = new ArrayList<>();
  private final List<Weight> down = new ArrayList<>();
  private final Weight norm;
  private final Weight embedding;
  private final KvCache cache;
  private final Tensor hidden;
  private final Tensor normed;
  private final Tensor wideQkv;
  private final Tensor attended;
  private final Tensor wide;
  private final Tensor gated;
  private final Tensor back;
  private final Tensor logitRows;
  private final Tensor logits;
  private final Tensor rotary;

  private CpuBackendBenchmark(String type, KernelChoice kernels, int threads) {
    this.type = type;
    this.threads = threads;
    Map<MemoryPurpose, Long> plan = new EnumMap<>(MemoryPurpose.class);
    for (MemoryPurpose purpose : MemoryPurpose.values()) {
      plan.put(purpose, 1L << 40);
    }
    CpuBackendFactory factory = new CpuBackendFactory(kernels, threads);
    StepLimits limits = new StepLimits(ROWS_MAX, ROWS_MAX, 1024, 64, VOCABULARY, HEADS);
    backend = factory.open(0, 1, limits, plan);
    for (int layer = 0; layer < LAYERS; layer++) {
      qkv.add(weight(WeightLayout.OUTPUT_MAJOR, HEADS.qkvWidth(), HIDDEN));
      output.add(weight(WeightLayout.INPUT_MAJOR, HIDDEN, HEADS.outputWidth()));
      gateUp.add(weight(WeightLayout.OUTPUT_MAJOR, 2 * FEED_FORWARD, HIDDEN));
      down.add(weight(WeightLayout.INPUT_MAJOR, HIDDEN, FEED_FORWARD));
    }
    norm = dense(DType.BF16, WeightLayout.OUTPUT_MAJOR, 1, HIDDEN);
    embedding =
        dense(
            type.equals("int4")
                ? DType.F16
                : DType.valueOf(type.toUpperCase(java.util.Locale.ROOT)),
            WeightLayout.OUTPUT_MAJOR,
            VOCABULARY,
            HIDDEN);
    cache = backend.allocateKvCache("kv", LAYERS, 64, HEADS, KvCacheType.AUTO);
    hidden = tensor(ROWS_MAX, HIDDEN);
    normed = tensor(ROWS_MAX, HIDDEN);
    wideQkv = tensor(ROWS_MAX, HEADS.qkvWidth());
    attended = tensor(ROWS_MAX, HEADS.outputWidth());
    wide = tensor(ROWS_MAX, 2 * FEED_FORWARD);
    gated = tensor(ROWS_MAX, FEED_FORWARD);
    back = tensor(ROWS_MAX, HIDDEN);
    logitRows = tensor(ROWS_MAX, HIDDEN);
    logits = tensor(ROWS_MAX, VOCABULARY);
    rotary = tensor(1024, 64);
    backend.write(new float[1024 * 64], rotary, 1024);
  }

  private Tensor tensor(int rows, int width) {
    Tensor tensor =
        backend.allocate(MemoryPurpose.ACTIVATIONS, "x" + width, DType.F32, rows, width);
    float[] values = new float[rows * width];
    for (int i = 0; i < values.length; i++) {
      values[i] = (i % 1024 - 512) / 1024f;
    }
    backend.write(values, tensor, rows);
    return tensor;
  }

  private Weight weight(WeightLayout layout, int outputs, int inputs) {
    return switch (type) {
      case "bf16" -> dense(DType.BF16, layout, outputs, inputs);
      case "f16" -> dense(DType.F16, layout, outputs, inputs);
      case "f32" -> dense(DType.F32, layout, outputs, inputs);
      case "int4" -> {
        int padded = (inputs + 127) / 128 * 128;
        WeightShape shape = new WeightShape(DType.F16, WeightLayout.INT4_TILES, outputs, padded, 1);
        ByteBuffer bytes = ByteBuffer.allocateDirect((int) shape.bytes());
        byte[] noise = new byte[WeightShape.TILE_BYTES];
        while (bytes.hasRemaining()) {
          random.nextBytes(noise);
          for (int i = 4096; i < noise.length; i += 4) {
            noise[i] = 0;
            noise[i + 1] = 0x20; // f16 scale 2^-7
            noise[i + 2] = 8;
            noise[i + 3] = 0x43; // bf16 136: zero 8
          }
          bytes.put(noise);
        }
        yield backend.upload(new WeightData("w", shape, List.of(bytes.flip())));
      }
      default -> throw new IllegalArgumentException("no weights of type " + type);
    };
  }

  private Weight dense(DType of, WeightLayout layout, int outputs, int inputs) {
    WeightShape shape = new WeightShape(of, layout, outputs, inputs, 1);
    ByteBuffer bytes =
        ByteBuffer.allocateDirect((int) shape.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    int state = 12345;
    while (bytes.hasRemaining()) {
      state = state * 1664525 + 1013904223;
      int sign = state & 0x8000;
      switch (of) {
        case BF16 -> bytes.putShort((short) (sign | 0x3d00 | state >>> 24 & 0x7f));
        case F16 -> bytes.putShort((short) (sign | 0x2800 | state >>> 16 & 0x3ff));
        case F32 -> bytes.putFloat((state >> 16) / 1e6f);
      }
    }
    return backend.upload(new WeightData("w", shape, List.of(bytes.flip())));
  }

  private interface Timed {
    void run();
  }

  /** Time of the wall; with one thread, of its core: other work on the machine then counts less. */
  private double bestNanos(Timed timed) {
    timed.run();
    long best = Long.MAX_VALUE;
    long until = System.nanoTime() + 700_000_000L;
    int rounds = 0;
    while (rounds < 5 || System.nanoTime() < until) {
      long start = clock();
      timed.run();
      best = Math.min(best, clock() - start);
      rounds++;
    }
    return best;
  }

  private long clock() {
    return threads == 1
        ? ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime()
        : System.nanoTime();
  }

  private void products(int rows, double peak, double read) {
    product("qkv", wide(normed), qkv, wideQkv, rows, peak, read);
    product("output", attended, output, back, rows, peak, read);
    product("gate_up", wide(normed), gateUp, wide, rows, peak, read);
    product("down", gated, down, back, rows, peak, read);
    if (rows <= 64) {
      product("head", normed, List.of(embedding), logits, rows, peak, read);
    }
  }

  /** Int4 widths are whole tiles. */
  private Tensor wide(Tensor x) {
    return x;
  }

  private void product(
      String name, Tensor x, List<Weight> weights, Tensor y, int rows, double peak, double read) {
    Tensor from = x;
    WeightShape shape = weights.get(0).shape();
    if (shape.inputs() != x.width()) {
      from = tensor(ROWS_MAX, (int) shape.inputs());
    }
    Tensor input = from;
    double nanos =
        bestNanos(
            () -> {
              for (Weight weight : weights) {
                backend.matmul(input, weight, y, rows);
              }
            });
    double flops = 2.0 * rows * shape.inputs() * shape.outputs() * weights.size();
    double bytes = (double) shape.bytes() * weights.size();
    System.out.printf(
        "  %-8s %5d x %5d rows %3d  %7.1f us  %6.1f GFLOP/s (%2.0f%%)  %5.1f GB/s (%2.0f%%)%n",
        name,
        shape.inputs(),
        shape.outputs(),
        rows,
        nanos / weights.size() / 1e3,
        flops / nanos,
        100 * flops / nanos / peak,
        bytes / nanos,
        100 * bytes / nanos / read);
    if (from != x) {
      backend.release(from);
    }
  }

  /** One decode step of some sequences, all layers and the head. */
  private void step(StepPlan plan) {
    StepBatch batch = backend.begin(plan);
    int rows = batch.rows();
    backend.embed(batch, embedding, hidden);
    backend.rmsNorm(hidden, norm, 1e-5f, normed, rows);
    for (int layer = 0; layer < LAYERS; layer++) {
      backend.matmul(normed, qkv.get(layer), wideQkv, rows);
      backend.rotateThenAppend(batch, wideQkv, rotary, cache, layer);
      backend.attend(batch, wideQkv, cache, layer, attended);
      backend.matmul(attended, output.get(layer), back, rows);
      backend.addThenRmsNorm(back, hidden, norm, 1e-5f, normed, rows);
      backend.matmulThenGate(normed, gateUp.get(layer), wide, gated, rows);
      backend.matmul(gated, down.get(layer), back, rows);
      backend.addThenRmsNorm(back, hidden, norm, 1e-5f, normed, rows);
    }
    backend.gatherLogitRows(batch, 0, batch.logitRows(), normed, logitRows);
    backend.matmul(logitRows, embedding, logits, batch.logitRows());
  }

  private void decodeSteps(int sequences) {
    TestPlans plan = new TestPlans();
    for (int i = 0; i < sequences; i++) {
      plan.sequence(CONTEXT - 1, new int[] {i}, new int[] {2 * i % 64, (2 * i + 1) % 64});
    }
    for (int i = 0; i < sequences; i++) {
      plan.score(i);
    }
    StepPlan built = plan.build();
    double nanos = bestNanos(() -> step(built));
    System.out.printf(
        "decode, batch %2d, context %d: %.2f ms a step, %.1f tokens/s, %d bytes allocated%n",
        sequences, CONTEXT, nanos / 1e6, sequences / nanos * 1e9, allocatedBytes(built));
    verbs(built);
  }

  private void verbs(StepPlan plan) {
    StepBatch batch = backend.begin(plan);
    int rows = batch.rows();
    verb(
        "rotateThenAppend", rows, () -> backend.rotateThenAppend(batch, wideQkv, rotary, cache, 0));
    verb("attend", rows, () -> backend.attend(batch, wideQkv, cache, 0, attended));
    verb(
        "addThenRmsNorm",
        rows,
        () -> backend.addThenRmsNorm(back, hidden, norm, 1e-5f, normed, rows));
    verb("gatedActivation", rows, () -> backend.gatedActivation(wide, gated, rows));
    verb("embed", rows, () -> backend.embed(batch, embedding, hidden));
  }

  private void verb(String name, int rows, Timed timed) {
    double nanos =
        bestNanos(
            () -> {
              for (int i = 0; i < 20; i++) {
                timed.run();
              }
            });
    System.out.printf("  %-18s rows %3d  %7.1f us%n", name, rows, nanos / 20e3);
  }

  /** Bytes that the owner's thread allocates in a step; the least of some. */
  private long allocatedBytes(StepPlan plan) {
    var threadsBean = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long least = Long.MAX_VALUE;
    for (int i = 0; i < 10; i++) {
      long before = threadsBean.getCurrentThreadAllocatedBytes();
      step(plan);
      least = Math.min(least, threadsBean.getCurrentThreadAllocatedBytes() - before);
    }
    return least;
  }

  private void prefillSteps(int sequences) {
    TestPlans plan = new TestPlans();
    for (int i = 0; i < sequences; i++) {
      plan.sequence(0, new int[64], new int[] {i});
    }
    for (int i = 0; i < sequences; i++) {
      plan.score(i * 64 + 63);
    }
    StepPlan built = plan.build();
    double nanos = bestNanos(() -> step(built));
    System.out.printf(
        "prefill, %d x 64 tokens: %.2f ms, %.1f tokens/s%n",
        sequences, nanos / 1e6, 64 * sequences / nanos * 1e9);
    verbs(built);
  }

  @Override
  public void close() {
    for (List<Weight> weights : List.of(qkv, output, gateUp, down, List.of(norm, embedding))) {
      weights.forEach(backend::release);
    }
    for (Allocation allocation :
        List.of(
            cache, hidden, normed, wideQkv, attended, wide, gated, back, logitRows, logits,
            rotary)) {
      backend.release(allocation);
    }
    backend.close();
  }

  public static void main(String[] args) {
    String type = args.length > 0 ? args[0] : "bf16";
    KernelChoice kernels =
        args.length > 1 && args[1].equals("plain") ? KernelChoice.PLAIN : KernelChoice.VECTOR;
    int threads =
        args.length > 2 ? Integer.parseInt(args[2]) : Runtime.getRuntime().availableProcessors();
    double peak = new Ceilings().peakGflops(threads);
    double read = new Ceilings().readGigabytes(threads);
    System.out.printf(
        "java %s, %s kernels, %s weights, %d threads; ceilings %.0f GFLOP/s, %.1f GB/s read%n",
        Runtime.version(), kernels.create().name(), type, threads, peak, read);
    try (CpuBackendBenchmark benchmark = new CpuBackendBenchmark(type, kernels, threads)) {
      if (!type.equals("int4") && args.length <= 3) {
        for (int sequences : new int[] {1, 8, 32}) {
          benchmark.decodeSteps(sequences);
        }
        benchmark.prefillSteps(8);
      }
      for (int rows : args.length > 3 ? new int[] {Integer.parseInt(args[3])} : ROWS) {
        benchmark.products(rows, peak, read);
      }
    }
  }
}
