package dev.millrace.engine.sample;

/**
 * The two passes over a whole row of logits, in blocks of {@link #BLOCK}. Both implementations give
 * the same bits on any machine: sixteen running values a block, element i in value i mod 16, no
 * fused multiply-add, and the same order of the sixteen at the end.
 */
interface RowMath {
  /** Elements of a block; the last block of a row may be shorter. */
  int BLOCK = 128;

  int LANES = 16;

  /** The fastest implementation that this JVM can load. */
  static RowMath fastest() {
    return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()
        ? new VectorRowMath()
        : new PlainRowMath();
  }

  static int blocks(int elements) {
    return (elements + BLOCK - 1) / BLOCK;
  }

  /**
   * Writes the largest element of each block.
   *
   * @param row holds the logits at {@code offset} to {@code offset + elements - 1}
   * @param maxima // (blocks)
   * @return the largest of all; NaN if any element is NaN
   */
  float maxima(float[] row, int offset, int elements, float[] maxima);

  /**
   * Writes the sum of exp((x - max) * scale) of each block. One exp is within 3e-7 of the true
   * value, relative; below 2^-126 it is 0.
   *
   * @param max at least every element, so that no exp overflows
   * @param sums // (blocks)
   * @return the sum of all
   */
  double weights(float[] row, int offset, int elements, float max, float scale, double[] sums);
}
