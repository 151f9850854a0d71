package dev.millrace.engine.compute;

import dev.millrace.api.engine.KvCacheType;
import dev.millrace.engine.compute.kernel.KernelChoice;
import dev.millrace.engine.compute.kernel.Work;
import dev.millrace.engine.compute.kernel.WorkerPool;
import dev.millrace.engine.step.StepPlan;
import java.util.Map;
import java.util.function.IntConsumer;

/**
 * The fast backend for CPUs: float32 arithmetic on weights in their mapped pages, on all cores of
 * the machine that this rank has. A step allocates nothing.
 *
 * <p>Work is shared by outputs, rows and heads, never by the terms of a sum, and kernels sum in an
 * order that depends on the number of terms alone. So results are the same bits whatever the batch
 * and however many threads; between kernels of other register widths they differ by rounding.
 */
final class CpuBackend implements Backend {
  private final RankMemory memory;
  private final HostBatch batch;
  private final WorkerPool pool;
  private final CpuRows rows;
  private final CpuMatmul matmul;
  private final CpuAttention attention;
  private final Allocation scratch;
  private boolean closed;

  private final CpuVerbs.Embed embed = new CpuVerbs.Embed();
  private final CpuVerbs.Norm norm = new CpuVerbs.Norm();
  private final CpuVerbs.Add add = new CpuVerbs.Add();
  private final CpuVerbs.Bias bias = new CpuVerbs.Bias();
  private final CpuVerbs.Gate gate = new CpuVerbs.Gate();
  private final CpuVerbs.Heads heads = new CpuVerbs.Heads();
  private final ForEach forEach = new ForEach();

  CpuBackend(
      KernelChoice kernels,
      int rank,
      int workerCount,
      StepLimits limits,
      Map<MemoryPurpose, Long> planBytes) {
    memory = new RankMemory("rank " + rank, planBytes);
    Scratch books = new Scratch("cpu backend", scratchBytes(limits, workerCount));
    memory.reserve(books.purpose(), books.name(), books.bytes());
    batch = new HostBatch(limits.tokensMax());
    CpuWorker[] workers = new CpuWorker[workerCount];
    for (int i = 0; i < workerCount; i++) {
      workers[i] = new CpuWorker(kernels.create(), limits);
    }
    pool = new WorkerPool("millrace rank " + rank, workerCount);
    rows = new CpuRows(pool, workers);
    matmul = new CpuMatmul(pool, workers, limits.tokensMax());
    attention = new CpuAttention(pool, workers, limits);
    scratch = memory.take(books);
  }

  static long scratchBytes(StepLimits limits, int workers) {
    return HostBatch.bytes(limits.tokensMax())
        + workers * CpuWorker.bytes(limits)
        + CpuMatmul.bytes(limits.tokensMax())
        + CpuAttention.bytes(limits);
  }

  @Override
  public Tensor allocate(MemoryPurpose purpose, String name, DType type, int rows, int width) {
    if (type != DType.F32) {
      throw new IllegalArgumentException(
          "tensor %s: this backend computes in F32, found %s".formatted(name, type));
    }
    memory.reserve(purpose, name, (long) rows * width * Float.BYTES);
    return memory.take(new HostTensor(purpose, name, rows, width));
  }

  @Override
  public Weight upload(WeightData data) {
    memory.reserve(MemoryPurpose.WEIGHTS, data.name(), CpuWeight.bytes(data.shape()));
    return memory.take(new CpuWeight(data));
  }

  @Override
  public KvCache allocateKvCache(
      String name, int layers, int blocks, HeadLayout heads, KvCacheType type) {
    memory.reserve(MemoryPurpose.KV_CACHE, name, BlockedKvCache.bytes(layers, blocks, heads, type));
    return memory.take(new BlockedKvCache(name, layers, blocks, heads, type));
  }

  @Override
  public void release(Allocation allocation) {
    memory.giveBack(allocation);
  }

  @Override
  public RankMemory memory() {
    return memory;
  }

  @Override
  public void write(float[] values, Tensor x, int count) {
    Shapes.rows("write", count, x, x.width());
    System.arraycopy(values, 0, host(x).values(), 0, count * x.width());
  }

  @Override
  public void read(Tensor x, int count, float[] values) {
    Shapes.rows("read", count, x, x.width());
    System.arraycopy(host(x).values(), 0, values, 0, count * x.width());
  }

  @Override
  public StepBatch begin(StepPlan plan) {
    batch.take(plan);
    return batch;
  }

  @Override
  public void embed(StepBatch step, Weight embedding, Tensor y) {
    int width = y.width();
    Shapes.rows("embed", step.rows(), y, width);
    Shapes.matrix("embed", embedding, embedding.shape().outputs(), width);
    rows.run(embed.set(batch, cpu(embedding), host(y)), step.rows(), width);
  }

  @Override
  public void rmsNorm(Tensor x, Weight weight, float epsilon, Tensor y, int count) {
    int width = x.width();
    Shapes.rows("rmsNorm", count, x, width);
    Shapes.rows("rmsNorm", count, y, width);
    Shapes.vector("rmsNorm", weight, width);
    rows.run(norm.set(host(x), cpu(weight), epsilon, host(y)), count, width);
  }

  @Override
  public void addThenRmsNorm(
      Tensor x, Tensor residual, Weight weight, float epsilon, Tensor y, int count) {
    int width = x.width();
    Shapes.rows("addThenRmsNorm", count, x, width);
    Shapes.rows("addThenRmsNorm", count, residual, width);
    Shapes.rows("addThenRmsNorm", count, y, width);
    Shapes.vector("addThenRmsNorm", weight, width);
    float[] added = host(x).values();
    rows.run(norm.set(host(residual), added, cpu(weight), epsilon, host(y)), count, width);
  }

  @Override
  public void matmul(Tensor x, Weight weight, Tensor y, int count) {
    checkProduct(x, weight, y, count);
    matmul.product(host(x), cpu(weight), host(y), count);
  }

  @Override
  public void matmulAddBias(Tensor x, Weight weight, Weight bias, Tensor y, int count) {
    checkProduct(x, weight, y, count);
    Shapes.vector("matmulAddBias", bias, y.width());
    matmul.productAddBias(host(x), cpu(weight), cpu(bias), host(y), count);
  }

  @Override
  public void matmulThenGate(Tensor x, Weight gateUp, Tensor wide, Tensor y, int count) {
    checkProduct(x, gateUp, wide, count);
    checkGate(wide, y, count);
    if (gateUp.shape().layout() == WeightLayout.INPUT_MAJOR) {
      // Its units are not cut at whole blocks of gate and up.
      Backend.super.matmulThenGate(x, gateUp, wide, y, count);
    } else {
      matmul.productThenGate(host(x), cpu(gateUp), host(wide), host(y), count);
    }
  }

  private static void checkProduct(Tensor x, Weight weight, Tensor y, int count) {
    Shapes.rows("matmul", count, x, x.width());
    Shapes.rows("matmul", count, y, y.width());
    Shapes.matrix("matmul", weight, y.width(), x.width());
  }

  @Override
  public void addBias(Tensor x, Weight biases, int count) {
    Shapes.rows("addBias", count, x, x.width());
    Shapes.vector("addBias", biases, x.width());
    rows.run(bias.set(host(x), cpu(biases)), count, x.width());
  }

  @Override
  public void add(Tensor x, Tensor y, int count) {
    Shapes.rows("add", count, x, x.width());
    Shapes.rows("add", count, y, x.width());
    rows.run(add.set(host(x), host(y)), count, x.width());
  }

  @Override
  public void normalizeHeads(
      Tensor qkv,
      HeadLayout layout,
      Weight queryWeight,
      Weight keyWeight,
      float epsilon,
      int count) {
    checkHeadWeights(qkv, layout, queryWeight, keyWeight, count);
    heads.of(batch, host(qkv), layout).normalize(cpu(queryWeight), cpu(keyWeight), epsilon);
    rows.run(heads, count, qkv.width());
  }

  private static void checkHeadWeights(
      Tensor qkv, HeadLayout layout, Weight queryWeight, Weight keyWeight, int count) {
    Shapes.rows("normalizeHeads", count, qkv, layout.qkvWidth());
    Shapes.vector("normalizeHeads", queryWeight, layout.headSize());
    Shapes.vector("normalizeHeads", keyWeight, layout.headSize());
  }

  @Override
  public void rotate(StepBatch step, Tensor qkv, HeadLayout layout, Tensor rotary) {
    checkRotary(step, qkv, layout, rotary);
    rows.run(heads.of(batch, host(qkv), layout).rotate(host(rotary)), step.rows(), qkv.width());
  }

  private static void checkRotary(StepBatch step, Tensor qkv, HeadLayout layout, Tensor rotary) {
    Shapes.rows("rotate", step.rows(), qkv, layout.qkvWidth());
    if (rotary.width() % 2 != 0 || rotary.width() > layout.headSize()) {
      throw new IllegalArgumentException(
          "rotate: expected a table of even width, at most head size %d, found %s of width %d"
              .formatted(layout.headSize(), rotary.name(), rotary.width()));
    }
  }

  @Override
  public void appendKv(StepBatch step, Tensor qkv, KvCache cache, int layer) {
    HeadLayout layout = cache.heads();
    Shapes.rows("appendKv", step.rows(), qkv, layout.qkvWidth());
    heads.of(batch, host(qkv), layout).append((BlockedKvCache) cache, layer);
    rows.run(heads, step.rows(), qkv.width());
  }

  @Override
  public void rotateThenAppend(
      StepBatch step, Tensor qkv, Tensor rotary, KvCache cache, int layer) {
    HeadLayout layout = cache.heads();
    checkRotary(step, qkv, layout, rotary);
    heads.of(batch, host(qkv), layout).rotate(host(rotary)).append((BlockedKvCache) cache, layer);
    rows.run(heads, step.rows(), qkv.width());
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
    HeadLayout layout = cache.heads();
    checkHeadWeights(qkv, layout, queryWeight, keyWeight, step.rows());
    checkRotary(step, qkv, layout, rotary);
    heads
        .of(batch, host(qkv), layout)
        .normalize(cpu(queryWeight), cpu(keyWeight), epsilon)
        .rotate(host(rotary))
        .append((BlockedKvCache) cache, layer);
    rows.run(heads, step.rows(), qkv.width());
  }

  @Override
  public void attend(StepBatch step, Tensor qkv, KvCache cache, int layer, Tensor y) {
    HeadLayout layout = cache.heads();
    Shapes.rows("attend", step.rows(), qkv, layout.qkvWidth());
    Shapes.rows("attend", step.rows(), y, layout.outputWidth());
    attention.attend(batch, host(qkv), (BlockedKvCache) cache, layer, host(y));
  }

  @Override
  public void gatedActivation(Tensor gateUp, Tensor y, int count) {
    checkGate(gateUp, y, count);
    rows.run(gate.set(host(gateUp), host(y)), count, gateUp.width());
  }

  private static void checkGate(Tensor gateUp, Tensor y, int count) {
    Shapes.rows("gatedActivation", count, gateUp, 2 * y.width());
    Shapes.rows("gatedActivation", count, y, y.width());
    if (y.width() % GATE_BLOCK != 0) {
      throw new IllegalArgumentException(
          "gatedActivation: expected a width in 64s, found " + y.width());
    }
  }

  @Override
  public void gatherLogitRows(StepBatch step, int first, int count, Tensor x, Tensor y) {
    int width = x.width();
    Shapes.rows("gatherLogitRows", step.rows(), x, width);
    Shapes.rows("gatherLogitRows", count, y, width);
    for (int i = 0; i < count; i++) {
      int from = batch.logitRow(first + i) * width;
      System.arraycopy(host(x).values(), from, host(y).values(), i * width, width);
    }
  }

  @Override
  public int hostThreads() {
    return pool.workers();
  }

  @Override
  public void forEach(int count, IntConsumer work) {
    forEach.work = work;
    pool.run(forEach, count);
  }

  private static final class ForEach implements Work {
    private IntConsumer work = index -> {};

    @Override
    public void run(int worker, int index) {
      work.accept(index);
    }
  }

  private static HostTensor host(Tensor x) {
    return (HostTensor) x;
  }

  private static CpuWeight cpu(Weight weight) {
    return (CpuWeight) weight;
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    pool.close();
    memory.giveBack(scratch);
    memory.close();
  }
}
