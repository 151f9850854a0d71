package dev.millrace.engine.compute;

import dev.millrace.engine.compute.kernel.Kernels;
import dev.millrace.engine.compute.kernel.Matrix;
import dev.millrace.engine.step.StepPlan;

/** What one thread computes with: kernels and scratch, sized so that a block stays in its L2. */
final class CpuWorker {
  /** Weights decoded at a time: an int4 row block of 64 outputs by the most inputs of a dot. */
  static final int WEIGHTS_MAX = WeightShape.TILE_OUTPUTS * Kernels.DOT_INPUTS_MAX;

  /** Query rows that share one pass over keys and values, unless a group has more heads. */
  private static final int QUERY_ROWS = 16;

  final Kernels kernels;
  final Matrix x = new Matrix();
  final Matrix w = new Matrix();
  final Matrix y = new Matrix();
  final short[] halves = new short[WEIGHTS_MAX];
  final float[] weights = new float[WEIGHTS_MAX];
  final int[] tile = new int[WeightShape.TILE_BYTES / Integer.BYTES];
  final float[] queries; // (query rows, headSize)
  final float[] weighted; // (query rows, headSize)
  final float[] scores; // (query rows, context in whole blocks)
  final float[] totals; // (query rows)

  CpuWorker(Kernels kernels, StepLimits limits) {
    this.kernels = kernels;
    int rows = queryRows(limits.heads());
    queries = new float[rows * limits.heads().headSize()];
    weighted = new float[rows * limits.heads().headSize()];
    scores = new float[Math.multiplyExact(rows, scoreStride(limits))];
    totals = new float[rows];
  }

  static long bytes(StepLimits limits) {
    long rows = queryRows(limits.heads());
    return (long) WEIGHTS_MAX * (Short.BYTES + Float.BYTES)
        + WeightShape.TILE_BYTES
        + rows * (2L * limits.heads().headSize() + scoreStride(limits) + 1) * Float.BYTES;
  }

  /** Tokens whose queries are taken together. */
  static int queryTokens(HeadLayout heads) {
    return Math.max(1, QUERY_ROWS / heads.groupSize());
  }

  private static int queryRows(HeadLayout heads) {
    return queryTokens(heads) * heads.groupSize();
  }

  /** Elements of a row of scores: the longest context, in whole blocks. */
  static int scoreStride(StepLimits limits) {
    int block = StepPlan.BLOCK_TOKENS;
    return (limits.contextTokensMax() + block - 1) / block * block;
  }
}
