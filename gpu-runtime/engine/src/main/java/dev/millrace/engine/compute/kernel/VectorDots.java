package dev.millrace.engine.compute.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Dot products with the lanes of the machine along the inputs, for machines of fewer than 16 lanes
 * and 16 registers or more: lane i sums the terms i, i + lanes and so on, then lanes are added in
 * halves. So each sum has one order, whichever tile it is computed in.
 */
final class VectorDots {
  private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;

  private VectorDots() {}

  /**
   * As {@link Kernels#dots}, for inputs in 16s.
   *
   * @param sums 8 * 16 elements of scratch
   */
  static void dots(
      Matrix x,
      int rows,
      Matrix w,
      int outputs,
      int inputs,
      Matrix y,
      boolean accumulate,
      float[] sums) {
    for (int r = 0; r < rows; r += 2) {
      for (int o = 0; o < outputs; o += 4) {
        int count = Math.min(4, outputs - o);
        if (r + 1 < rows) {
          twoByFour(x, r, w, o, inputs, sums);
          store(sums, 0, count, y.values, y.row(r) + o, accumulate);
          store(sums, 4, count, y.values, y.row(r + 1) + o, accumulate);
        } else {
          oneByFour(x, r, w, o, inputs, sums);
          store(sums, 0, count, y.values, y.row(r) + o, accumulate);
        }
      }
    }
  }

  private static void store(
      float[] sums, int first, int count, float[] y, int start, boolean accumulate) {
    int lanes = LANES.length();
    for (int i = 0; i < count; i++) {
      int at = (first + i) * lanes;
      for (int half = lanes / 2; half > 0; half /= 2) {
        for (int lane = 0; lane < half; lane++) {
          sums[at + lane] += sums[at + lane + half];
        }
      }
      y[start + i] = accumulate ? y[start + i] + sums[at] : sums[at];
    }
  }

  private static void twoByFour(Matrix x, int row, Matrix w, int output, int inputs, float[] sums) {
    float[] xs = x.values;
    int x0 = x.row(row);
    int x1 = x.row(row + 1);
    float[] ws = w.values;
    int w0 = w.row(output);
    int stride = w.stride;
    FloatVector s00 = FloatVector.zero(LANES);
    FloatVector s01 = s00;
    FloatVector s02 = s00;
    FloatVector s03 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s12 = s00;
    FloatVector s13 = s00;
    int step = LANES.length();
    for (int i = 0; i < inputs; i += step) {
      int at = w0 + i;
      FloatVector u0 = FloatVector.fromArray(LANES, xs, x0 + i);
      FloatVector u1 = FloatVector.fromArray(LANES, xs, x1 + i);
      FloatVector v = FloatVector.fromArray(LANES, ws, at);
      s00 = u0.fma(v, s00);
      s10 = u1.fma(v, s10);
      at += stride;
      v = FloatVector.fromArray(LANES, ws, at);
      s01 = u0.fma(v, s01);
      s11 = u1.fma(v, s11);
      at += stride;
      v = FloatVector.fromArray(LANES, ws, at);
      s02 = u0.fma(v, s02);
      s12 = u1.fma(v, s12);
      at += stride;
      v = FloatVector.fromArray(LANES, ws, at);
      s03 = u0.fma(v, s03);
      s13 = u1.fma(v, s13);
    }
    s00.intoArray(sums, 0);
    s01.intoArray(sums, 1 * step);
    s02.intoArray(sums, 2 * step);
    s03.intoArray(sums, 3 * step);
    s10.intoArray(sums, 4 * step);
    s11.intoArray(sums, 5 * step);
    s12.intoArray(sums, 6 * step);
    s13.intoArray(sums, 7 * step);
  }

  private static void oneByFour(Matrix x, int row, Matrix w, int output, int inputs, float[] sums) {
    float[] xs = x.values;
    int x0 = x.row(row);
    float[] ws = w.values;
    int w0 = w.row(output);
    int stride = w.stride;
    FloatVector s00 = FloatVector.zero(LANES);
    FloatVector s01 = s00;
    FloatVector s02 = s00;
    FloatVector s03 = s00;
    int step = LANES.length();
    for (int i = 0; i < inputs; i += step) {
      int at = w0 + i;
      FloatVector u = FloatVector.fromArray(LANES, xs, x0 + i);
      s00 = u.fma(FloatVector.fromArray(LANES, ws, at), s00);
      at += stride;
      s01 = u.fma(FloatVector.fromArray(LANES, ws, at), s01);
      at += stride;
      s02 = u.fma(FloatVector.fromArray(LANES, ws, at), s02);
      at += stride;
      s03 = u.fma(FloatVector.fromArray(LANES, ws, at), s03);
    }
    s00.intoArray(sums, 0);
    s01.intoArray(sums, 1 * step);
    s02.intoArray(sums, 2 * step);
    s03.intoArray(sums, 3 * step);
  }
}
