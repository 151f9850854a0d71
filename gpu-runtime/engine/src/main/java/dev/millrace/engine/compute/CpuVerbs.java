package dev.millrace.engine.compute;

/**
 * The verbs that work row by row, each with the tensors of the call at hand: objects kept from step
 * to step, since a lambda for each call would be garbage.
 */
final class CpuVerbs {
  private static final float[] NOTHING = {};

  private CpuVerbs() {}

  /** {@link Backend#rmsNorm}, and {@link Backend#addThenRmsNorm} where something is added. */
  static final class Norm implements CpuRows.RowVerb {
    private float[] x = NOTHING;
    private float[] added = NOTHING;
    private float[] weight = NOTHING;
    private float[] y = NOTHING;
    private float epsilon;
    private int width;

    Norm set(HostTensor xs, CpuWeight weights, float eps, HostTensor ys) {
      return set(xs, NOTHING, weights, eps, ys);
    }

    Norm set(HostTensor xs, float[] add, CpuWeight weights, float eps, HostTensor ys) {
      x = xs.values();
      added = add;
      weight = weights.vector();
      y = ys.values();
      epsilon = eps;
      width = xs.width();
      return this;
    }

    @Override
    public void run(CpuWorker worker, int row) {
      int start = row * width;
      if (added.length > 0) {
        worker.kernels.add(x, start, added, start, width);
      }
      normalizeRow(worker, x, start, width, weight, epsilon, y);
    }
  }

  /** One run of elements, to the same place in y. */
  private static void normalizeRow(
      CpuWorker worker, float[] x, int start, int width, float[] weight, float epsilon, float[] y) {
    float squares = worker.kernels.sumOfSquares(x, start, width);
    float factor = (float) (1 / Math.sqrt(squares / width + epsilon));
    worker.kernels.scale(x, start, factor, weight, y, start, width);
  }

  /** x += y. */
  static final class Add implements CpuRows.RowVerb {
    private float[] x = NOTHING;
    private float[] y = NOTHING;
    private int width;

    Add set(HostTensor xs, HostTensor ys) {
      x = xs.values();
      y = ys.values();
      width = xs.width();
      return this;
    }

    @Override
    public void run(CpuWorker worker, int row) {
      worker.kernels.add(x, row * width, y, row * width, width);
    }
  }

  /** {@link Backend#addBias}. */
  static final class Bias implements CpuRows.RowVerb {
    private float[] x = NOTHING;
    private float[] bias = NOTHING;
    private int width;

    Bias set(HostTensor xs, CpuWeight biases) {
      x = xs.values();
      bias = biases.vector();
      width = xs.width();
      return this;
    }

    @Override
    public void run(CpuWorker worker, int row) {
      worker.kernels.add(x, row * width, bias, 0, width);
    }
  }

  /** {@link Backend#gatedActivation}. */
  static final class Gate implements CpuRows.RowVerb {
    private float[] x = NOTHING;
    private float[] y = NOTHING;
    private int width;

    Gate set(HostTensor gateUp, HostTensor ys) {
      x = gateUp.values();
      y = ys.values();
      width = ys.width();
      return this;
    }

    @Override
    public void run(CpuWorker worker, int row) {
      int block = Backend.GATE_BLOCK;
      for (int i = 0; i < width; i += block) {
        int start = row * 2 * width + 2 * i;
        worker.kernels.gate(x, start, start + block, y, row * width + i, block);
      }
    }
  }

  /** {@link Backend#embed}. */
  static final class Embed implements CpuRows.RowVerb {
    private HostBatch batch;
    private CpuWeight embedding;
    private float[] y = NOTHING;
    private int width;

    Embed set(HostBatch step, CpuWeight weight, HostTensor ys) {
      batch = step;
      embedding = weight;
      y = ys.values();
      width = ys.width();
      return this;
    }

    @Override
    public void run(CpuWorker worker, int row) {
      long first = (long) batch.tokenId(row) * width;
      if (embedding.shape().type() == DType.F32) {
        embedding.copy(first, y, row * width, width);
        return;
      }
      for (int i = 0; i < width; i += CpuWorker.WEIGHTS_MAX) {
        int count = Math.min(CpuWorker.WEIGHTS_MAX, width - i);
        embedding.copy(first + i, worker.halves, 0, count);
        if (embedding.shape().type() == DType.F16) {
          worker.kernels.widenF16(worker.halves, 0, worker.weights, 0, count);
        } else {
          worker.kernels.widenBf16(worker.halves, 0, worker.weights, 0, count);
        }
        System.arraycopy(worker.weights, 0, y, row * width + i, count);
      }
    }
  }

  /** What is done to queries, keys and values between their product and attention. */
  static final class Heads implements CpuRows.RowVerb {
    private HostBatch batch;
    private HeadLayout heads;
    private float[] x = NOTHING;
    private float[] queryWeight = NOTHING;
    private float[] keyWeight = NOTHING;
    private float epsilon;
    private float[] rotary = NOTHING;
    private int pairs;
    private BlockedKvCache cache;
    private int layer;
    private boolean append;

    /** Begins a new list of things to do. */
    Heads of(HostBatch step, HostTensor qkv, HeadLayout layout) {
      batch = step;
      heads = layout;
      x = qkv.values();
      queryWeight = NOTHING;
      pairs = 0;
      append = false;
      return this;
    }

    /** {@link Backend#normalizeHeads}. */
    Heads normalize(CpuWeight queryWeights, CpuWeight keyWeights, float eps) {
      queryWeight = queryWeights.vector();
      keyWeight = keyWeights.vector();
      epsilon = eps;
      return this;
    }

    /** {@link Backend#rotate}. */
    Heads rotate(HostTensor table) {
      rotary = table.values();
      pairs = table.width() / 2;
      return this;
    }

    /** {@link Backend#appendKv}. */
    Heads append(BlockedKvCache kvCache, int ofLayer) {
      cache = kvCache;
      layer = ofLayer;
      append = true;
      return this;
    }

    @Override
    public void run(CpuWorker worker, int row) {
      int start = row * heads.qkvWidth();
      for (int head = 0; head < heads.queryHeads(); head++) {
        prepare(worker, row, start + heads.queryStart(head), queryWeight);
      }
      for (int head = 0; head < heads.kvHeads(); head++) {
        prepare(worker, row, start + heads.keyStart(head), keyWeight);
      }
      if (append) {
        CpuAttention.append(batch, row, x, start, cache, layer);
      }
    }

    private void prepare(CpuWorker worker, int row, int start, float[] weight) {
      if (queryWeight.length > 0) {
        normalizeRow(worker, x, start, heads.headSize(), weight, epsilon, x);
      }
      if (pairs > 0) {
        worker.kernels.rotate(x, start, pairs, rotary, batch.position(row) * 2 * pairs);
      }
    }
  }
}
