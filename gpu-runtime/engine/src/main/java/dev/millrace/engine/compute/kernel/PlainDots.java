package dev.millrace.engine.compute.kernel;

import java.util.Arrays;

/** Matrix products in plain Java for few rows, term by term in the order of the inputs. */
final class PlainDots {
  private PlainDots() {}

  /** Adds the terms of the inputs from {@code first} on. */
  static void addLast(Matrix x, int rows, Matrix w, int outputs, int first, int inputs, Matrix y) {
    for (int row = 0; row < rows; row++) {
      int xRow = x.row(row);
      for (int o = 0; o < outputs; o++) {
        int wRow = w.row(o);
        float sum = y.values[y.row(row) + o];
        for (int i = first; i < inputs; i++) {
          sum += x.values[xRow + i] * w.values[wRow + i];
        }
        y.values[y.row(row) + o] = sum;
      }
    }
  }

  /**
   * Few rows: eight sums at a time, each in the order of the inputs.
   *
   * @param sums 8 elements of scratch
   */
  static void dots(
      Matrix x,
      int row,
      Matrix w,
      int outputs,
      int inputs,
      Matrix y,
      boolean accumulate,
      float[] sums) {
    for (int o = 0; o < outputs; o += 8) {
      int yStart = y.row(row) + o;
      int count = Math.min(8, outputs - o);
      Arrays.fill(sums, 0);
      if (accumulate) {
        System.arraycopy(y.values, yStart, sums, 0, count);
      }
      addEight(x, row, w, o, inputs, sums);
      System.arraycopy(sums, 0, y.values, yStart, count);
    }
  }

  private static void addEight(Matrix x, int row, Matrix w, int output, int inputs, float[] sums) {
    float[] xs = x.values;
    float[] ws = w.values;
    int x0 = x.row(row);
    int stride = w.stride;
    int w0 = w.row(output);
    float s0 = sums[0];
    float s1 = sums[1];
    float s2 = sums[2];
    float s3 = sums[3];
    float s4 = sums[4];
    float s5 = sums[5];
    float s6 = sums[6];
    float s7 = sums[7];
    for (int i = 0; i < inputs; i++) {
      float u = xs[x0 + i];
      int at = w0 + i;
      s0 += u * ws[at];
      s1 += u * ws[at + stride];
      s2 += u * ws[at + 2 * stride];
      s3 += u * ws[at + 3 * stride];
      s4 += u * ws[at + 4 * stride];
      s5 += u * ws[at + 5 * stride];
      s6 += u * ws[at + 6 * stride];
      s7 += u * ws[at + 7 * stride];
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
    sums[4] = s4;
    sums[5] = s5;
    sums[6] = s6;
    sums[7] = s7;
  }

  /** As {@link Kernels#columns}, for the outputs from {@code first} on. */
  static void columns(
      Matrix x,
      int rows,
      Matrix w,
      int first,
      int outputs,
      int inputs,
      Matrix y,
      boolean accumulate) {
    int count = outputs - first;
    for (int row = 0; row < rows; row++) {
      int y0 = y.row(row) + first;
      if (!accumulate) {
        Arrays.fill(y.values, y0, y0 + count, 0);
      }
      int x0 = x.row(row);
      int i = 0;
      for (; i + 3 < inputs; i += 4) {
        addFour(x.values, x0 + i, w.values, w.row(i) + first, w.stride, y.values, y0, count);
      }
      for (; i < inputs; i++) {
        addOne(x.values[x0 + i], w.values, w.row(i) + first, y.values, y0, count);
      }
    }
  }

  private static void addFour(
      float[] x, int x0, float[] w, int w0, int stride, float[] y, int y0, int count) {
    float u0 = x[x0];
    float u1 = x[x0 + 1];
    float u2 = x[x0 + 2];
    float u3 = x[x0 + 3];
    int w1 = w0 + stride;
    int w2 = w1 + stride;
    int w3 = w2 + stride;
    for (int i = 0; i < count; i++) {
      y[y0 + i] = y[y0 + i] + u0 * w[w0 + i] + u1 * w[w1 + i] + u2 * w[w2 + i] + u3 * w[w3 + i];
    }
  }

  private static void addOne(float u, float[] w, int w0, float[] y, int y0, int count) {
    for (int i = 0; i < count; i++) {
      y[y0 + i] += u * w[w0 + i];
    }
  }
}
