package dev.millrace.engine.compute;

import dev.millrace.engine.compute.kernel.Kernels;
import dev.millrace.engine.compute.kernel.Work;
import dev.millrace.engine.compute.kernel.WorkerPool;
import dev.millrace.engine.step.StepPlan;

/**
 * Attention over paged keys and values. A unit of work is a few consecutive tokens of one sequence
 * with the query heads that share one key-value head: they pass over its blocks together, from
 * position 0 on. In a block of the cache keys lie transposed, (headSize, 64), so that both
 * products, with keys and with values, take weights that lie by input and are summed term by term:
 * what a token gets does not depend on which others it shares a unit with.
 */
final class CpuAttention implements Work {
  private static final int BLOCK = StepPlan.BLOCK_TOKENS;

  private final WorkerPool pool;
  private final CpuWorker[] workers;
  private final int scoreStride;
  private final int[] tileRow; // first token of each tile
  private final int[] tileTokens; // tokens of it, which belong to one sequence

  private HostBatch batch;
  private HeadLayout heads;
  private float[] qkv;
  private float[] y;
  private BlockedKvCache cache;
  private int layer;

  CpuAttention(WorkerPool pool, CpuWorker[] workers, StepLimits limits) {
    this.pool = pool;
    this.workers = workers;
    scoreStride = CpuWorker.scoreStride(limits);
    tileRow = new int[limits.tokensMax()];
    tileTokens = new int[limits.tokensMax()];
    heads = limits.heads();
  }

  static long bytes(StepLimits limits) {
    return 2L * limits.tokensMax() * Integer.BYTES;
  }

  /** Keys of some heads' tokens, transposed, and their values, to the cache. */
  static void append(
      HostBatch batch, int row, float[] qkv, int start, BlockedKvCache cache, int layer) {
    HeadLayout heads = cache.heads();
    int position = batch.position(row);
    int number = batch.blockTable(row)[position / BLOCK];
    if (cache.type().isEightBit()) {
      appendNarrow(cache, layer, number, position, qkv, start);
      return;
    }
    float[] block = cache.block(layer, number);
    int size = heads.headSize();
    for (int head = 0; head < heads.kvHeads(); head++) {
      int key = start + heads.keyStart(head);
      int at = cache.keyStart(head, 0) + position % BLOCK;
      for (int i = 0; i < size; i++) {
        block[at + i * BLOCK] = qkv[key + i];
      }
      System.arraycopy(
          qkv, start + heads.valueStart(head), block, cache.valueStart(head, position), size);
    }
  }

  private static void appendNarrow(
      BlockedKvCache cache, int layer, int block, int position, float[] qkv, int start) {
    HeadLayout heads = cache.heads();
    byte[] codes = cache.codes(layer, block);
    float[] scales = cache.scales(layer, block);
    int size = heads.headSize();
    for (int head = 0; head < heads.kvHeads(); head++) {
      int key = cache.keyStart(head, 0) + position % BLOCK;
      int value = cache.valueStart(head, position);
      int scale = BlockedKvCache.scaleStart(head) + position % BLOCK;
      scales[scale] =
          EightBit.narrow(cache.type(), qkv, start + heads.keyStart(head), size, codes, key, BLOCK);
      scales[scale + BLOCK] =
          EightBit.narrow(cache.type(), qkv, start + heads.valueStart(head), size, codes, value, 1);
    }
  }

  void attend(HostBatch step, HostTensor xs, BlockedKvCache kvCache, int ofLayer, HostTensor ys) {
    batch = step;
    qkv = xs.values();
    cache = kvCache;
    layer = ofLayer;
    y = ys.values();
    heads = kvCache.heads();
    pool.run(this, cutTiles() * heads.kvHeads());
  }

  private int cutTiles() {
    int tokensMax = CpuWorker.queryTokens(heads);
    int[] starts = batch.plan().queryStarts();
    int tiles = 0;
    for (int sequence = 0; sequence + 1 < starts.length; sequence++) {
      int end = starts[sequence + 1];
      for (int row = starts[sequence]; row < end; row += tokensMax) {
        tileRow[tiles] = row;
        tileTokens[tiles++] = Math.min(tokensMax, end - row);
      }
    }
    return tiles;
  }

  @Override
  public void run(int workerIndex, int unit) {
    CpuWorker worker = workers[workerIndex];
    int tile = unit / heads.kvHeads();
    int kvHead = unit % heads.kvHeads();
    int first = tileRow[tile];
    int tokens = tileTokens[tile];
    takeQueries(worker, first, tokens, kvHead);
    scores(worker, first, tokens, kvHead);
    weigh(worker, first, tokens, kvHead);
    values(worker, first, tokens, kvHead);
    putOutputs(worker, first, tokens, kvHead);
  }

  private void takeQueries(CpuWorker worker, int first, int tokens, int kvHead) {
    int count = heads.groupSize() * heads.headSize();
    for (int t = 0; t < tokens; t++) {
      int from = (first + t) * heads.qkvWidth() + heads.queryStart(kvHead * heads.groupSize());
      System.arraycopy(qkv, from, worker.queries, t * count, count);
    }
  }

  /** q k^T for all tokens of the blocks, those after a row's own included: they are not used. */
  private void scores(CpuWorker worker, int first, int tokens, int kvHead) {
    int size = heads.headSize();
    int context = batch.position(first + tokens - 1) + 1;
    int[] table = batch.blockTable(first);
    for (int start = 0; start < context; start += BLOCK) {
      int key = cache.keyStart(kvHead, 0);
      float[] block = numbers(worker, table[start / BLOCK], key);
      worker.kernels.columns(
          worker.x.set(worker.queries, 0, size),
          tokens * heads.groupSize(),
          worker.w.set(block, startInBlock(key), BLOCK),
          BLOCK,
          size,
          worker.y.set(worker.scores, start, scoreStride),
          false);
    }
  }

  /**
   * The keys, or values, of one head in a block: where they lie, or, if in 8 bits, widened in the
   * worker's scratch without their scales, by which scores and weights are multiplied instead.
   *
   * @param start where they lie in the block; {@link #startInBlock} says where in what is returned
   */
  private float[] numbers(CpuWorker worker, int block, int start) {
    if (!cache.type().isEightBit()) {
      return cache.block(layer, block);
    }
    int count = BLOCK * heads.headSize();
    EightBit.widen(cache.type(), cache.codes(layer, block), start, count, worker.weights);
    return worker.weights;
  }

  private int startInBlock(int start) {
    return cache.type().isEightBit() ? 0 : start;
  }

  /** Multiplies each token's element of a row by its scale. */
  private void scale(CpuWorker worker, int[] table, int row, int context, int scaleStart) {
    int from = row * scoreStride;
    for (int start = 0; start < context; start += BLOCK) {
      float[] scales = cache.scales(layer, table[start / BLOCK]);
      for (int i = 0; i < Math.min(BLOCK, context - start); i++) {
        worker.scores[from + start + i] *= scales[scaleStart + i];
      }
    }
  }

  /** Scores to the exponentials of softmax, and their totals. */
  private void weigh(CpuWorker worker, int first, int tokens, int kvHead) {
    Kernels kernels = worker.kernels;
    float scale = (float) (1 / Math.sqrt(heads.headSize()));
    int group = heads.groupSize();
    boolean scaled = cache.type().isEightBit();
    int scales = BlockedKvCache.scaleStart(kvHead);
    int[] table = batch.blockTable(first);
    for (int row = 0; row < tokens * group; row++) {
      int context = batch.position(first + row / group) + 1;
      int start = row * scoreStride;
      if (scaled) {
        scale(worker, table, row, context, scales);
      }
      float max = kernels.max(worker.scores, start, context);
      worker.totals[row] = kernels.exponentials(worker.scores, start, context, max, scale);
      if (scaled) {
        scale(worker, table, row, context, scales + BLOCK);
      }
    }
  }

  private void values(CpuWorker worker, int first, int tokens, int kvHead) {
    int size = heads.headSize();
    int group = heads.groupSize();
    int least = batch.position(first) + 1;
    int most = batch.position(first + tokens - 1) + 1;
    int[] table = batch.blockTable(first);
    for (int start = 0; start < most; start += BLOCK) {
      int value = startInBlock(cache.valueStart(kvHead, 0));
      float[] block = numbers(worker, table[start / BLOCK], cache.valueStart(kvHead, 0));
      // What all rows attend to first, then to each token's rows what it alone does.
      int common = Math.max(0, Math.min(BLOCK, least - start));
      if (common > 0) {
        values(worker, block, value, start, common, 0, tokens * group);
      }
      for (int t = 0; t < tokens; t++) {
        int own = Math.min(BLOCK, batch.position(first + t) + 1 - start);
        if (own > common) {
          int from = value + common * size;
          values(worker, block, from, start + common, own - common, t * group, group);
        }
      }
    }
  }

  private void values(
      CpuWorker worker, float[] block, int value, int start, int count, int row, int rows) {
    int size = heads.headSize();
    worker.kernels.columns(
        worker.x.set(worker.scores, row * scoreStride + start, scoreStride),
        rows,
        worker.w.set(block, value, size),
        size,
        count,
        worker.y.set(worker.weighted, row * size, size),
        start > 0);
  }

  private void putOutputs(CpuWorker worker, int first, int tokens, int kvHead) {
    int size = heads.headSize();
    int group = heads.groupSize();
    for (int row = 0; row < tokens * group; row++) {
      int to = (first + row / group) * heads.outputWidth() + (kvHead * group + row % group) * size;
      float factor = 1 / worker.totals[row];
      for (int i = 0; i < size; i++) {
        y[to + i] = worker.weighted[row * size + i] * factor;
      }
    }
  }
}
