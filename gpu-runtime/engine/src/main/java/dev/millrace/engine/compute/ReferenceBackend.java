package dev.millrace.engine.compute;

import dev.millrace.api.engine.KvCacheType;
import dev.millrace.engine.step.StepPlan;
import java.util.Arrays;
import java.util.Map;

/**
 * What every verb means, in loops that can be checked by eye: float32 in, float32 out, sums in
 * float64. Slow on purpose; every other backend must match it.
 */
final class ReferenceBackend implements Backend {
  /** Outputs decoded at a time; an int4 tile has as many. */
  private static final int OUTPUT_BLOCK = WeightShape.TILE_OUTPUTS;

  private final RankMemory memory;
  private final HostBatch batch;
  private final float[] weights; // (64, inputs): one block of outputs, decoded
  private final double[] scores; // (context)
  private final double[] weighted; // (headSize)
  private final Allocation scratch;
  private boolean closed;

  ReferenceBackend(int rank, StepLimits limits, Map<MemoryPurpose, Long> planBytes) {
    memory = new RankMemory("rank " + rank, planBytes);
    memory.reserve(MemoryPurpose.SCRATCH, "reference backend", scratchBytes(limits));
    batch = new HostBatch(limits.tokensMax());
    weights = new float[Math.multiplyExact(OUTPUT_BLOCK, limits.inputsMax())];
    scores = new double[limits.contextTokensMax()];
    weighted = new double[limits.heads().headSize()];
    scratch = memory.take(new Scratch("reference backend", scratchBytes(limits)));
  }

  static long scratchBytes(StepLimits limits) {
    return HostBatch.bytes(limits.tokensMax())
        + (long) OUTPUT_BLOCK * limits.inputsMax() * Float.BYTES
        + (long) (limits.contextTokensMax() + limits.heads().headSize()) * Double.BYTES;
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
    return memory.take(new MappedWeight(data));
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
  public void write(float[] values, Tensor x, int rows) {
    Shapes.rows("write", rows, x, x.width());
    System.arraycopy(values, 0, elements(x), 0, rows * x.width());
  }

  @Override
  public void read(Tensor x, int rows, float[] values) {
    Shapes.rows("read", rows, x, x.width());
    System.arraycopy(elements(x), 0, values, 0, rows * x.width());
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
    for (int row = 0; row < step.rows(); row++) {
      ((MappedWeight) embedding).decode(batch.tokenId(row), 1, weights);
      System.arraycopy(weights, 0, elements(y), row * width, width);
    }
  }

  @Override
  public void rmsNorm(Tensor x, Weight weight, float epsilon, Tensor y, int rows) {
    int width = x.width();
    Shapes.rows("rmsNorm", rows, x, width);
    Shapes.rows("rmsNorm", rows, y, width);
    Shapes.vector("rmsNorm", weight, width);
    ((MappedWeight) weight).decode(0, 1, weights);
    for (int row = 0; row < rows; row++) {
      normalize(elements(x), row * width, width, epsilon, elements(y));
    }
  }

  /** RMS norm of one run of elements with the weights decoded last, to the same place in y. */
  private void normalize(float[] x, int start, int width, float epsilon, float[] y) {
    double squares = 0;
    for (int i = start; i < start + width; i++) {
      squares += (double) x[i] * x[i];
    }
    double factor = 1 / Math.sqrt(squares / width + epsilon);
    for (int i = 0; i < width; i++) {
      y[start + i] = (float) (x[start + i] * factor * weights[i]);
    }
  }

  @Override
  public void matmul(Tensor x, Weight weight, Tensor y, int rows) {
    int inputs = x.width();
    int outputs = y.width();
    Shapes.rows("matmul", rows, x, inputs);
    Shapes.rows("matmul", rows, y, outputs);
    Shapes.matrix("matmul", weight, outputs, inputs);
    for (int first = 0; first < outputs; first += OUTPUT_BLOCK) {
      int count = Math.min(OUTPUT_BLOCK, outputs - first);
      ((MappedWeight) weight).decode(first, count, weights);
      for (int row = 0; row < rows; row++) {
        for (int o = 0; o < count; o++) {
          elements(y)[row * outputs + first + o] =
              dot(elements(x), row * inputs, weights, o * inputs, inputs);
        }
      }
    }
  }

  private static float dot(float[] a, int aStart, float[] b, int bStart, int length) {
    // Four sums, since one would wait for each addition in turn.
    double sum0 = 0;
    double sum1 = 0;
    double sum2 = 0;
    double sum3 = 0;
    int i = 0;
    for (; i + 3 < length; i += 4) {
      sum0 += (double) a[aStart + i] * b[bStart + i];
      sum1 += (double) a[aStart + i + 1] * b[bStart + i + 1];
      sum2 += (double) a[aStart + i + 2] * b[bStart + i + 2];
      sum3 += (double) a[aStart + i + 3] * b[bStart + i + 3];
    }
    for (; i < length; i++) {
      sum0 += (double) a[aStart + i] * b[bStart + i];
    }
    return (float) (sum0 + sum1 + (sum2 + sum3));
  }

  @Override
  public void addBias(Tensor x, Weight bias, int rows) {
    int width = x.width();
    Shapes.rows("addBias", rows, x, width);
    Shapes.vector("addBias", bias, width);
    ((MappedWeight) bias).decode(0, 1, weights);
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < width; i++) {
        elements(x)[row * width + i] += weights[i];
      }
    }
  }

  @Override
  public void add(Tensor x, Tensor y, int rows) {
    Shapes.rows("add", rows, x, x.width());
    Shapes.rows("add", rows, y, x.width());
    for (int i = 0; i < rows * x.width(); i++) {
      elements(x)[i] += elements(y)[i];
    }
  }

  @Override
  public void normalizeHeads(
      Tensor qkv, HeadLayout heads, Weight queryWeight, Weight keyWeight, float epsilon, int rows) {
    int size = heads.headSize();
    Shapes.rows("normalizeHeads", rows, qkv, heads.qkvWidth());
    Shapes.vector("normalizeHeads", queryWeight, size);
    Shapes.vector("normalizeHeads", keyWeight, size);
    float[] x = elements(qkv);
    ((MappedWeight) queryWeight).decode(0, 1, weights);
    for (int row = 0; row < rows; row++) {
      for (int head = 0; head < heads.queryHeads(); head++) {
        normalize(x, row * qkv.width() + heads.queryStart(head), size, epsilon, x);
      }
    }
    ((MappedWeight) keyWeight).decode(0, 1, weights);
    for (int row = 0; row < rows; row++) {
      for (int head = 0; head < heads.kvHeads(); head++) {
        normalize(x, row * qkv.width() + heads.keyStart(head), size, epsilon, x);
      }
    }
  }

  @Override
  public void rotate(StepBatch step, Tensor qkv, HeadLayout heads, Tensor rotary) {
    Shapes.rows("rotate", step.rows(), qkv, heads.qkvWidth());
    if (rotary.width() % 2 != 0 || rotary.width() > heads.headSize()) {
      throw new IllegalArgumentException(
          "rotate: expected a table of even width, at most head size %d, found %s of width %d"
              .formatted(heads.headSize(), rotary.name(), rotary.width()));
    }
    for (int row = 0; row < step.rows(); row++) {
      int table = batch.position(row) * rotary.width();
      for (int head = 0; head < heads.queryHeads(); head++) {
        rotateHead(qkv, row * qkv.width() + heads.queryStart(head), rotary, table);
      }
      for (int head = 0; head < heads.kvHeads(); head++) {
        rotateHead(qkv, row * qkv.width() + heads.keyStart(head), rotary, table);
      }
    }
  }

  private static void rotateHead(Tensor qkv, int start, Tensor rotary, int table) {
    int pairs = rotary.width() / 2;
    float[] x = elements(qkv);
    for (int i = 0; i < pairs; i++) {
      float cos = elements(rotary)[table + i];
      float sin = elements(rotary)[table + pairs + i];
      float a = x[start + i];
      float b = x[start + pairs + i];
      x[start + i] = a * cos - b * sin;
      x[start + pairs + i] = b * cos + a * sin;
    }
  }

  @Override
  public void appendKv(StepBatch step, Tensor qkv, KvCache cache, int layer) {
    HeadLayout heads = cache.heads();
    BlockedKvCache blocks = (BlockedKvCache) cache;
    int size = heads.headSize();
    Shapes.rows("appendKv", step.rows(), qkv, heads.qkvWidth());
    for (int row = 0; row < step.rows(); row++) {
      int position = batch.position(row);
      for (int head = 0; head < heads.kvHeads(); head++) {
        int key = row * qkv.width() + heads.keyStart(head);
        int value = row * qkv.width() + heads.valueStart(head);
        if (cache.type().isEightBit()) {
          byte[] codes = blocks.codes(layer, blockOf(row, position));
          float[] scales = blocks.scales(layer, blockOf(row, position));
          int scale = keyScale(head, position);
          scales[scale] = narrow(qkv, key, blocks, codes, blocks.keyStart(head, position));
          scales[scale + StepPlan.BLOCK_TOKENS] =
              narrow(qkv, value, blocks, codes, blocks.valueStart(head, position));
        } else {
          float[] block = blocks.block(layer, blockOf(row, position));
          System.arraycopy(elements(qkv), key, block, blocks.keyStart(head, position), size);
          System.arraycopy(elements(qkv), value, block, blocks.valueStart(head, position), size);
        }
      }
    }
  }

  private static float narrow(
      Tensor qkv, int start, BlockedKvCache cache, byte[] codes, int toStart) {
    return EightBit.narrow(
        cache.type(), elements(qkv), start, cache.heads().headSize(), codes, toStart, 1);
  }

  /** Where the scale of a key lies; that of the value lies 64 later. */
  private static int keyScale(int kvHead, int position) {
    return BlockedKvCache.scaleStart(kvHead) + position % StepPlan.BLOCK_TOKENS;
  }

  /**
   * The key, or value, that begins at an index of its block: where it lies, or as it is widened
   * into {@code weights}, with its scale. {@link #startInBlock} says where it begins there.
   */
  private float[] numbers(BlockedKvCache cache, int layer, int block, int start, int scale) {
    if (!cache.type().isEightBit()) {
      return cache.block(layer, block);
    }
    int size = cache.heads().headSize();
    EightBit.widen(cache.type(), cache.codes(layer, block), start, size, weights);
    float factor = cache.scales(layer, block)[scale];
    for (int i = 0; i < size; i++) {
      weights[i] *= factor;
    }
    return weights;
  }

  private static int startInBlock(BlockedKvCache cache, int start) {
    return cache.type().isEightBit() ? 0 : start;
  }

  private int blockOf(int row, int position) {
    return batch.blockTable(row)[position / StepPlan.BLOCK_TOKENS];
  }

  @Override
  public void attend(StepBatch step, Tensor qkv, KvCache cache, int layer, Tensor y) {
    HeadLayout heads = cache.heads();
    Shapes.rows("attend", step.rows(), qkv, heads.qkvWidth());
    Shapes.rows("attend", step.rows(), y, heads.outputWidth());
    for (int row = 0; row < step.rows(); row++) {
      for (int head = 0; head < heads.queryHeads(); head++) {
        attendHead(row, head, qkv, (BlockedKvCache) cache, layer, y);
      }
    }
  }

  private void attendHead(
      int row, int head, Tensor qkv, BlockedKvCache cache, int layer, Tensor y) {
    HeadLayout heads = cache.heads();
    int size = heads.headSize();
    int kvHead = head / heads.groupSize();
    int query = row * qkv.width() + heads.queryStart(head);
    int context = batch.position(row) + 1;

    double max = Double.NEGATIVE_INFINITY;
    for (int p = 0; p < context; p++) {
      int start = cache.keyStart(kvHead, p);
      float[] key = numbers(cache, layer, blockOf(row, p), start, keyScale(kvHead, p));
      scores[p] =
          dot(elements(qkv), query, key, startInBlock(cache, start), size) / Math.sqrt(size);
      max = Math.max(max, scores[p]);
    }
    double total = 0;
    Arrays.fill(weighted, 0, size, 0);
    for (int p = 0; p < context; p++) {
      double weight = Math.exp(scores[p] - max);
      total += weight;
      int start = cache.valueStart(kvHead, p);
      int scale = keyScale(kvHead, p) + StepPlan.BLOCK_TOKENS;
      float[] value = numbers(cache, layer, blockOf(row, p), start, scale);
      int from = startInBlock(cache, start);
      for (int i = 0; i < size; i++) {
        weighted[i] += weight * value[from + i];
      }
    }
    for (int i = 0; i < size; i++) {
      elements(y)[row * y.width() + head * size + i] = (float) (weighted[i] / total);
    }
  }

  @Override
  public void gatedActivation(Tensor gateUp, Tensor y, int rows) {
    int width = y.width();
    Shapes.rows("gatedActivation", rows, gateUp, 2 * width);
    Shapes.rows("gatedActivation", rows, y, width);
    if (width % GATE_BLOCK != 0) {
      throw new IllegalArgumentException(
          "gatedActivation: expected a width in 64s, found " + width);
    }
    float[] x = elements(gateUp);
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < width; i++) {
        int start = row * 2 * width + i / GATE_BLOCK * 2 * GATE_BLOCK + i % GATE_BLOCK;
        double gate = x[start];
        elements(y)[row * width + i] =
            (float) (gate / (1 + Math.exp(-gate)) * x[start + GATE_BLOCK]);
      }
    }
  }

  @Override
  public void gatherLogitRows(StepBatch step, int first, int count, Tensor x, Tensor y) {
    int width = x.width();
    Shapes.rows("gatherLogitRows", step.rows(), x, width);
    Shapes.rows("gatherLogitRows", count, y, width);
    for (int i = 0; i < count; i++) {
      System.arraycopy(
          elements(x), batch.logitRow(first + i) * width, elements(y), i * width, width);
    }
  }

  private static float[] elements(Tensor x) {
    return ((HostTensor) x).values();
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    memory.giveBack(scratch);
    memory.close();
  }
}
