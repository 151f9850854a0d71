package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.kernel.Arguments;
import dev.millrace.cuda.kernel.Kernel;
import dev.millrace.cuda.kernel.KernelFile;
import dev.millrace.cuda.kernel.Kernels;
import dev.millrace.cuda.matmul.Matmuls;
import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.compute.KvCache;
import dev.millrace.engine.compute.StepBatch;
import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.compute.Weight;
import java.util.Optional;

/**
 * The verbs of {@link CudaBackend}: each checks its shapes and puts its kernels into the stream.
 */
abstract class CudaVerbs implements Backend {
  private static final int NORM_THREADS = 256;

  /** Thread blocks that have a row of a product left in parts. */
  private static final int NORM_CLUSTER = 4;

  /** A sum of each of their warps. */
  private static final int NORM_CLUSTER_BYTES = NORM_CLUSTER * NORM_THREADS / 32 * Float.BYTES;

  /** Of kernels in which a thread adds up a few elements of a product left in parts. */
  private static final int SUMS_THREADS = 128;

  private static final int ROW_THREADS = 256;

  // flags of heads.cu
  private static final int HEADS_NORM = 1;
  private static final int HEADS_ROTATE = 2;
  private static final int HEADS_APPEND = 4;
  private static final int HEADS_KEEP_KEYS = 8;

  private final CudaStream stream;
  private final Kernels kernels;
  private final CudaDevice device;
  private final Arguments arguments = new Arguments();
  private CudaMatmul matmul;
  private CudaAttention attention;
  private Scratch scratch;
  private TaskLayout tasks;
  private CudaBatch batch;
  private StepLayout layout;

  CudaVerbs(CudaDevice device, CudaStream stream, Kernels kernels) {
    this.device = device;
    this.stream = stream;
    this.kernels = kernels;
  }

  /**
   * The rest of what verbs need: it takes device memory.
   *
   * @param alone whether no other rank may keep this one's thread blocks off the device
   */
  final void openVerbs(Matmuls matmuls, Scratch memory, TaskLayout taskLayout, boolean alone) {
    scratch = memory;
    tasks = taskLayout;
    matmul = new CudaMatmul(device, kernels, matmuls, stream, memory, alone);
    attention = new CudaAttention(device, kernels, stream, memory);
  }

  final CudaStream stream() {
    return stream;
  }

  final Kernels kernels() {
    return kernels;
  }

  final void register(CudaWeight weight) {
    matmul.register(weight);
  }

  /** Makes the bf16 matrices of expanded weights, whose tiles are in place. */
  final void expandWeights() {
    matmul.expand();
  }

  final void beginStep(CudaBatch next, StepLayout stepLayout) {
    batch = next;
    layout = stepLayout;
  }

  final void closeVerbs() {
    matmul.close();
    kernels.close();
  }

  /** A tensor of this backend. */
  static CudaTensor cuda(Tensor tensor) {
    return (CudaTensor) tensor;
  }

  /** A weight of this backend, in place before any work that comes now. */
  private CudaWeight cuda(Weight weight) {
    finishUploads();
    return (CudaWeight) weight;
  }

  /** Returns when all weights uploaded so far are in place. */
  abstract void finishUploads();

  static void requireRows(String verb, Tensor x, int rows, int width) {
    if (rows < 0 || rows > x.rows() || x.width() != width) {
      throw new IllegalArgumentException(
          "%s: expected tensor %s of at least %d rows and width %d, found %d x %d"
              .formatted(verb, x.name(), rows, width, x.rows(), x.width()));
    }
  }

  static void requireWeight(String verb, Weight weight, long outputs, long inputs) {
    if (weight.shape().outputs() != outputs || weight.shape().inputs() != inputs) {
      throw new IllegalArgumentException(
          "%s: expected weight %s of %d outputs and %d inputs, found %d and %d"
              .formatted(
                  verb,
                  weight.name(),
                  outputs,
                  inputs,
                  weight.shape().outputs(),
                  weight.shape().inputs()));
    }
  }

  static void requireHeads(HeadLayout heads) {
    if (heads.headSize() % 8 != 0 || heads.headSize() > CudaKvCache.HEAD_SIZE_MAX) {
      throw new IllegalArgumentException(
          "heads: expected a size in multiples of 8 up to %d, found %d; run this model with --backend cpu"
              .formatted(CudaKvCache.HEAD_SIZE_MAX, heads.headSize()));
    }
  }

  /** A kernel that reads what verbs before have written. */
  private Kernel kernel(KernelFile file, String entry) {
    settle();
    return kernels.get(file, entry);
  }

  /** Writes the last product, where only its sums are there: before anything but verbs reads it. */
  final void settle() {
    matmul.settle();
  }

  private static String suffix(CudaTensor tensor) {
    return tensor.isFloat() ? "_f32" : "_bf16";
  }

  @Override
  public void embed(StepBatch step, Weight embedding, Tensor y) {
    CudaTensor to = cuda(y);
    requireWeight("embed", embedding, embedding.shape().outputs(), y.width());
    requireRows("embed", y, step.rows(), y.width());
    kernel(KernelFile.EMBED, "embed" + suffix(to))
        .launch(
            step.rows(),
            1,
            ROW_THREADS,
            0,
            arguments
                .start()
                .i64(scratch.step() + layout.tokenIds())
                .i64(scratch.tasks() + tasks.tokens())
                .i64(cuda(embedding).address())
                .i64(to.address())
                .i32(to.pitch()),
            stream);
  }

  @Override
  public void rmsNorm(Tensor x, Weight weight, float epsilon, Tensor y, int rows) {
    CudaTensor from = cuda(x);
    requireRows("rmsNorm", x, rows, y.width());
    requireRows("rmsNorm", y, rows, x.width());
    requireWeight("rmsNorm", weight, 1, x.width());
    arguments.start();
    norm("rms_norm" + suffix(from), from, weight, epsilon, y, rows, 0);
  }

  @Override
  public void addThenRmsNorm(
      Tensor x, Tensor residual, Weight weight, float epsilon, Tensor y, int rows) {
    CudaTensor sum = cuda(residual);
    requireRows("addThenRmsNorm", x, rows, y.width());
    requireRows("addThenRmsNorm", residual, rows, x.width());
    requireRows("addThenRmsNorm", y, rows, x.width());
    requireWeight("addThenRmsNorm", weight, 1, x.width());
    Optional<ProductSums> sums = sum.isFloat() ? matmul.take(cuda(x), rows) : Optional.empty();
    arguments.start();
    if (sums.isPresent()) {
      sums.get().put(arguments);
      norm("add_rms_norm_sums", sum, weight, epsilon, y, NORM_CLUSTER * rows, NORM_CLUSTER_BYTES);
    } else {
      arguments.i64(cuda(x).address());
      norm("add_rms_norm" + suffix(sum), sum, weight, epsilon, y, rows, 0);
    }
  }

  /** A kernel of norm.cu with what comes before its row among the arguments. */
  private void norm(
      String entry,
      CudaTensor x,
      Weight weight,
      float epsilon,
      Tensor y,
      int blocks,
      int sharedBytes) {
    kernel(KernelFile.NORM, entry)
        .launch(
            blocks,
            1,
            NORM_THREADS,
            sharedBytes,
            arguments
                .i64(x.address())
                .i64(cuda(weight).address())
                .f32(epsilon)
                .i64(cuda(y).address())
                .i32(x.width())
                .i32(x.pitch()),
            stream);
  }

  @Override
  public void matmul(Tensor x, Weight weight, Tensor y, int rows) {
    requireRows("matmul", x, rows, Math.toIntExact(weight.shape().inputs()));
    requireRows("matmul", y, rows, Math.toIntExact(weight.shape().outputs()));
    matmul.run(cuda(x), cuda(weight), 0, cuda(y), rows);
  }

  @Override
  public void matmulAddBias(Tensor x, Weight weight, Weight bias, Tensor y, int rows) {
    requireRows("matmulAddBias", x, rows, Math.toIntExact(weight.shape().inputs()));
    requireRows("matmulAddBias", y, rows, Math.toIntExact(weight.shape().outputs()));
    requireWeight("matmulAddBias", bias, 1, y.width());
    matmul.run(cuda(x), cuda(weight), cuda(bias).bf16Address(), cuda(y), rows);
  }

  @Override
  public void addBias(Tensor x, Weight bias, int rows) {
    CudaTensor to = cuda(x);
    requireRows("addBias", x, rows, x.width());
    requireWeight("addBias", bias, 1, x.width());
    kernel(KernelFile.NORM, "add_bias" + suffix(to))
        .launch(
            rows,
            1,
            ROW_THREADS,
            0,
            arguments.start().i64(to.address()).i64(cuda(bias).address()).i32(to.pitch()),
            stream);
  }

  @Override
  public void add(Tensor x, Tensor y, int rows) {
    CudaTensor to = cuda(x);
    requireRows("add", x, rows, y.width());
    requireRows("add", y, rows, x.width());
    long elements = (long) rows * to.pitch();
    kernel(KernelFile.NORM, "add" + suffix(to))
        .launch(
            (int) StepLayout.divideUp(elements / 8, ROW_THREADS),
            1,
            ROW_THREADS,
            0,
            arguments.start().i64(to.address()).i64(cuda(y).address()).i64(elements),
            stream);
  }

  @Override
  public void gatedActivation(Tensor gateUp, Tensor y, int rows) {
    requireRows("gatedActivation", gateUp, rows, 2 * y.width());
    requireRows("gatedActivation", y, rows, y.width());
    Optional<ProductSums> sums = matmul.take(cuda(gateUp), rows);
    if (sums.isPresent()) {
      kernels
          .get(KernelFile.ACTIVATION, "gated_activation_sums")
          .launch(
              (int) StepLayout.divideUp((long) rows * y.width() / 8, SUMS_THREADS),
              1,
              SUMS_THREADS,
              0,
              sums.get().put(arguments.start()).i64(cuda(y).address()).i32(y.width()).i32(rows),
              stream);
      return;
    }
    int threads = 128;
    kernel(KernelFile.ACTIVATION, "gated_activation")
        .launch(
            (int) StepLayout.divideUp(y.width() / 8, threads),
            rows,
            threads,
            0,
            arguments.start().i64(cuda(gateUp).address()).i64(cuda(y).address()).i32(y.width()),
            stream);
  }

  /** Whether {@link #matmulThenGate} is one kernel. */
  final boolean gatesInside(Tensor x, Weight gateUp, Tensor wide, int rows) {
    return matmul.gates(cuda(x), cuda(gateUp), cuda(wide), rows);
  }

  @Override
  public void matmulThenGate(Tensor x, Weight gateUp, Tensor wide, Tensor y, int rows) {
    requireRows("matmulThenGate", x, rows, Math.toIntExact(gateUp.shape().inputs()));
    requireRows("matmulThenGate", wide, rows, Math.toIntExact(gateUp.shape().outputs()));
    requireRows("matmulThenGate", y, rows, wide.width() / 2);
    if (gatesInside(x, gateUp, wide, rows)) {
      matmul.runThenGate(cuda(x), cuda(gateUp), cuda(y), rows);
    } else {
      Backend.super.matmulThenGate(x, gateUp, wide, y, rows);
    }
  }

  @Override
  public void gatherLogitRows(StepBatch step, int first, int count, Tensor x, Tensor y) {
    CudaTensor from = cuda(x);
    requireRows("gatherLogitRows", y, count, x.width());
    kernel(KernelFile.GATHER, "gather_rows")
        .launch(
            count,
            1,
            128,
            0,
            arguments
                .start()
                .i64(from.address())
                .i64(scratch.step() + layout.logitRows() + 4L * first)
                .i64(cuda(y).address())
                .i32(from.pitch() * from.type().bytes()),
            stream);
  }

  @Override
  public void normalizeHeads(
      Tensor qkv, HeadLayout heads, Weight queryWeight, Weight keyWeight, float epsilon, int rows) {
    requireWeight("normalizeHeads", queryWeight, 1, heads.headSize());
    requireWeight("normalizeHeads", keyWeight, 1, heads.headSize());
    heads(
        new HeadsWork(
            cuda(qkv),
            heads,
            cuda(queryWeight).address(),
            cuda(keyWeight).address(),
            epsilon,
            null,
            null,
            0,
            HEADS_NORM | HEADS_KEEP_KEYS),
        rows);
  }

  @Override
  public void rotate(StepBatch step, Tensor qkv, HeadLayout heads, Tensor rotary) {
    heads(
        new HeadsWork(
            cuda(qkv), heads, 0, 0, 0, cuda(rotary), null, 0, HEADS_ROTATE | HEADS_KEEP_KEYS),
        step.rows());
  }

  @Override
  public void appendKv(StepBatch step, Tensor qkv, KvCache cache, int layer) {
    append(
        new HeadsWork(
            cuda(qkv), cache.heads(), 0, 0, 0, null, (CudaKvCache) cache, layer, HEADS_APPEND),
        step.rows());
  }

  /** Rotates queries in place; keys go rotated to the cache alone. */
  @Override
  public void rotateThenAppend(
      StepBatch step, Tensor qkv, Tensor rotary, KvCache cache, int layer) {
    append(
        new HeadsWork(
            cuda(qkv),
            cache.heads(),
            0,
            0,
            0,
            cuda(rotary),
            (CudaKvCache) cache,
            layer,
            HEADS_ROTATE | HEADS_APPEND),
        step.rows());
  }

  @Override
  public void normalizeRotateThenAppend(
      StepBatch step,
      Tensor qkv,
      Weight queryWeight,
      Weight keyWeight,
      float epsilon,
      Tensor rotary,
      KvCache cache,
      int layer) {
    append(
        new HeadsWork(
            cuda(qkv),
            cache.heads(),
            cuda(queryWeight).address(),
            cuda(keyWeight).address(),
            epsilon,
            cuda(rotary),
            (CudaKvCache) cache,
            layer,
            HEADS_NORM | HEADS_ROTATE | HEADS_APPEND),
        step.rows());
  }

  private record HeadsWork(
      CudaTensor qkv,
      HeadLayout heads,
      long queryNorm,
      long keyNorm,
      float epsilon,
      CudaTensor rotary,
      CudaKvCache cache,
      int layer,
      int flags) {
    HeadsWork withFlags(int value) {
      return new HeadsWork(qkv, heads, queryNorm, keyNorm, epsilon, rotary, cache, layer, value);
    }
  }

  /** Norm and rotation as asked for, and the cache: in one pass if that is in bf16. */
  private void append(HeadsWork work, int rows) {
    if (!work.cache().type().isEightBit()) {
      heads(work, rows);
      return;
    }
    int before = work.flags() & ~HEADS_APPEND;
    if (before != 0) {
      heads(work.withFlags(before | HEADS_KEEP_KEYS), rows);
    }
    settle();
    HeadLayout heads = work.heads();
    requireRows("appendKv", work.qkv(), rows, heads.qkvWidth());
    CudaKvCache cache = work.cache();
    kernels
        .get(KernelFile.APPEND8, "append" + cache.kernelSuffix(), heads.headSize())
        .launch(
            (int) StepLayout.divideUp(64L * rows * heads.kvHeads(), ROW_THREADS),
            1,
            ROW_THREADS,
            0,
            arguments
                .start()
                .beginStructure()
                .i64(work.qkv().address())
                .i64(scratch.step() + layout.slots())
                .i64(cache.layerAddress(work.layer()))
                .i64(cache.pageStride())
                .i32(rows)
                .i32(heads.kvHeads())
                .i32(heads.groupSize())
                .endStructure(),
            stream);
  }

  private void heads(HeadsWork work, int rows) {
    HeadLayout heads = work.heads();
    requireHeads(heads);
    requireRows("heads", work.qkv(), rows, heads.qkvWidth());
    int size = heads.headSize();
    int pairs = work.rotary() == null ? size / 2 : work.rotary().width() / 2;
    boolean vector = (size == 64 || size == 128) && pairs == size / 2;
    boolean appends = (work.flags() & HEADS_APPEND) != 0;
    Optional<ProductSums> sums = Optional.empty();
    if (vector && appends) {
      sums = matmul.take(work.qkv(), rows);
    } else {
      settle(); // keys and values are read again from qkv
    }
    describe(work, rows, pairs);
    sums.ifPresent(s -> s.put(arguments));
    long units = (long) rows * heads.kvHeads() * (heads.groupSize() + 2);
    if (sums.isPresent()) {
      heads("heads_sums", size, units * (size / 8), SUMS_THREADS);
    } else if (vector) {
      heads("heads_vector", size, units * (size / 16), ROW_THREADS);
    } else {
      heads("heads_any", size, units * 32, ROW_THREADS);
    }
  }

  private void heads(String entry, int size, long threads, int blockThreads) {
    int blocks = (int) StepLayout.divideUp(threads, blockThreads);
    kernels
        .get(KernelFile.HEADS, entry, size)
        .launch(blocks, 1, blockThreads, 0, arguments, stream);
  }

  /** Fills in HeadsWork of heads.cu. */
  private void describe(HeadsWork work, int rows, int pairs) {
    HeadLayout heads = work.heads();
    CudaKvCache cache = work.cache();
    arguments
        .start()
        .beginStructure()
        .i64(work.qkv().address())
        .i64(work.queryNorm())
        .i64(work.keyNorm())
        .i64(work.rotary() == null ? 0 : work.rotary().address())
        .i64(scratch.step() + (layout == null ? 0 : layout.positions()))
        .i64(scratch.step() + (layout == null ? 0 : layout.slots()))
        .i64(cache == null ? 0 : cache.layerAddress(work.layer()))
        .i64(cache == null ? 0 : cache.pageStride())
        .i32(rows)
        .i32(heads.kvHeads())
        .i32(heads.groupSize())
        .i32(pairs)
        .i32(work.rotary() == null ? 0 : work.rotary().pitch())
        .i32(work.flags())
        .f32(work.epsilon())
        .endStructure();
  }

  @Override
  public void attend(StepBatch step, Tensor qkv, KvCache cache, int layer, Tensor y) {
    HeadLayout heads = cache.heads();
    requireHeads(heads);
    requireRows("attend", qkv, 0, heads.qkvWidth());
    requireRows("attend", y, 0, heads.outputWidth());
    settle();
    attention.run(batch, layout, cuda(qkv), (CudaKvCache) cache, layer, cuda(y));
  }
}
