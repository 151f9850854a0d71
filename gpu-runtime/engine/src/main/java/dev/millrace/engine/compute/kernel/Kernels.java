package dev.millrace.engine.compute.kernel;

/**
 * Loops over float arrays. Each object belongs to one thread and may keep scratch of its own; none
 * of the methods allocates.
 *
 * <p>Every sum is made in an order that depends on the number of its terms alone: a row gives the
 * same bits whether it is computed alone or among others.
 */
public interface Kernels {

  /** Outputs and inputs of weights are padded to this where {@link #dots} and others read them. */
  int PAD = 16;

  /** Most inputs of one call of {@link #dots}. */
  int DOT_INPUTS_MAX = 1024;

  /** Name in reports, for example {@code vector-512}. */
  String name();

  /**
   * Widens bf16 numbers, exactly.
   *
   * @param from whose elements from 0 are read, up to {@code count} rounded up to {@link #PAD}
   * @param to takes {@code count} elements, rounded up likewise, from {@code toStart}
   */
  void widenBf16(short[] from, int fromStart, float[] to, int toStart, int count);

  /** Widens IEEE binary16 numbers, exactly, infinities and NaN excepted; as {@link #widenBf16}. */
  void widenF16(short[] from, int fromStart, float[] to, int toStart, int count);

  /**
   * Decodes an int4 tile of 64 outputs by 128 inputs: output after output, the inputs of each in
   * the order of {@link #toTileOrder}.
   *
   * @param tile its 1088 little-endian words
   * @param scalesAreF16 whether scales are binary16, else bf16
   * @param to takes the weights: output o from {@code to.row(o)} on
   */
  void widenTile(int[] tile, boolean scalesAreF16, Matrix to);

  /**
   * Copies activations in the order in which {@link #widenTile} leaves weights.
   *
   * @param count a multiple of 64
   */
  void toTileOrder(float[] x, int xStart, float[] to, int toStart, int count);

  /**
   * y = x w^T, or y += x w^T. At most {@link #DOT_INPUTS_MAX} inputs.
   *
   * @param x (rows, inputs)
   * @param w (outputs rounded up to {@link #PAD}, inputs)
   * @param y (rows, outputs)
   * @param accumulate whether to add to y
   */
  void dots(Matrix x, int rows, Matrix w, int outputs, int inputs, Matrix y, boolean accumulate);

  /**
   * {@link #dots} of one row with weights of 16 bits; the same sums.
   *
   * @param x (1, inputs)
   * @param w (outputs rounded up to {@link #PAD}, inputs), from its first element on
   * @param stride elements from one output's weights to the next
   * @param f16 whether they are binary16, else bf16
   * @param widened scratch of the size and stride of {@code w} that takes it widened, if need be
   */
  default void dotsOfHalves(
      Matrix x,
      short[] w,
      int stride,
      boolean f16,
      int outputs,
      int inputs,
      Matrix y,
      boolean accumulate,
      Matrix widened) {
    if (f16) {
      widenF16(w, 0, widened.values, widened.start, outputs * stride);
    } else {
      widenBf16(w, 0, widened.values, widened.start, outputs * stride);
    }
    dots(x, 1, widened, outputs, inputs, y, accumulate);
  }

  /**
   * y = x w, or y += x w, in the order of the inputs.
   *
   * @param x (rows, inputs)
   * @param w (inputs, outputs)
   * @param y (rows, outputs)
   * @param accumulate whether to add to y
   */
  void columns(Matrix x, int rows, Matrix w, int outputs, int inputs, Matrix y, boolean accumulate);

  /** Sum of the squares of some elements. */
  float sumOfSquares(float[] x, int start, int count);

  /** y = x * factor * weight. */
  void scale(float[] x, int xStart, float factor, float[] weight, float[] y, int yStart, int count);

  /** x += y. */
  void add(float[] x, int xStart, float[] y, int yStart, int count);

  /** Greatest of some elements; at least one. */
  float max(float[] x, int start, int count);

  /**
   * x = exp(scale * (x - max)) for each element, to within 2 ulp; exact zero below 2^-126.
   *
   * @param max no element is greater
   * @return their sum
   */
  float exponentials(float[] x, int start, int count, float max, float scale);

  /** y = gate / (1 + exp(-gate)) * up. */
  void gate(float[] x, int gateStart, int upStart, float[] y, int yStart, int count);

  /**
   * Rotates pairs (a, b) = (x[i], x[i + pairs]) to (a cos - b sin, b cos + a sin).
   *
   * @param table {@code pairs} cosines, then as many sines, from {@code tableStart}
   */
  void rotate(float[] x, int start, int pairs, float[] table, int tableStart);
}
