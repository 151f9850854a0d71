package dev.millrace.engine.compute.kernel;

import java.util.Arrays;

/**
 * A block of weights with an array of its own for each input, and the sums of one row. The compiler
 * vectorises a loop over arrays that all take the same index, and none in which indices differ by
 * an offset: for many rows, 20 to 35 GFLOP/s a core against 8 are worth the copy.
 */
final class PlainPanel {
  /** Most outputs of a block. */
  static final int OUTPUTS = 128;

  private final float[][] weights = new float[Kernels.DOT_INPUTS_MAX][OUTPUTS];
  private final float[] sums = new float[OUTPUTS];

  /** Takes weights that lie by output. */
  void takeOutputs(Matrix w, int first, int outputs, int inputs) {
    for (int o = 0; o < outputs; o++) {
      int row = w.row(first + o);
      for (int i = 0; i < inputs; i++) {
        weights[i][o] = w.values[row + i];
      }
    }
  }

  /** Takes weights that lie by input. */
  void takeInputs(Matrix w, int firstInput, int inputs, int firstOutput, int outputs) {
    for (int i = 0; i < inputs; i++) {
      System.arraycopy(w.values, w.row(firstInput + i) + firstOutput, weights[i], 0, outputs);
    }
  }

  /**
   * Products with what was taken, in the order of the inputs.
   *
   * @param firstInput column of x that belongs to the first input taken
   * @param firstOutput column of y that belongs to the first output taken
   */
  void multiply(
      Matrix x,
      int rows,
      int firstInput,
      int inputs,
      int firstOutput,
      int outputs,
      Matrix y,
      boolean accumulate) {
    for (int row = 0; row < rows; row++) {
      int at = y.row(row) + firstOutput;
      if (accumulate) {
        System.arraycopy(y.values, at, sums, 0, outputs);
      } else {
        Arrays.fill(sums, 0, outputs, 0);
      }
      addInputs(x.values, x.row(row) + firstInput, inputs, outputs);
      System.arraycopy(sums, 0, y.values, at, outputs);
    }
  }

  private void addInputs(float[] x, int start, int inputs, int outputs) {
    int i = 0;
    for (; i + 3 < inputs; i += 4) {
      addFour(
          sums,
          x[start + i],
          weights[i],
          x[start + i + 1],
          weights[i + 1],
          x[start + i + 2],
          weights[i + 2],
          x[start + i + 3],
          weights[i + 3],
          outputs);
    }
    for (; i < inputs; i++) {
      addOne(sums, x[start + i], weights[i], outputs);
    }
  }

  private static void addFour(
      float[] sums,
      float u0,
      float[] w0,
      float u1,
      float[] w1,
      float u2,
      float[] w2,
      float u3,
      float[] w3,
      int count) {
    for (int i = 0; i < count; i++) {
      sums[i] = sums[i] + u0 * w0[i] + u1 * w1[i] + u2 * w2[i] + u3 * w3[i];
    }
  }

  private static void addOne(float[] sums, float u, float[] w, int count) {
    for (int i = 0; i < count; i++) {
      sums[i] += u * w[i];
    }
  }
}
