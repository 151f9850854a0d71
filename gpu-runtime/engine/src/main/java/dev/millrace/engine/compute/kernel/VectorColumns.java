package dev.millrace.engine.compute.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Products with the lanes along the outputs: every sum takes its terms one by one, in the order of
 * the inputs, so each has one order whichever tile it is computed in, and may be cut anywhere.
 */
final class VectorColumns {
  private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;

  /** Four registers a row take 21 registers, of which AVX2 has 16. */
  private static final int REGISTERS_MAX = LANES.length() < 16 ? 2 : 4;

  private VectorColumns() {}

  /** As {@link Kernels#columns}; the last columns, fewer than a register, in plain Java. */
  static void columns(
      Matrix x, int rows, Matrix w, int outputs, int inputs, Matrix y, boolean accumulate) {
    int step = LANES.length();
    int column = 0;
    while (outputs - column >= step) {
      int registers = Math.min(REGISTERS_MAX, (outputs - column) / step);
      registers = registers == 3 ? 2 : registers;
      strip(x, rows, w, column, registers, inputs, y, accumulate);
      column += registers * step;
    }
    if (column < outputs) {
      PlainDots.columns(x, rows, w, column, outputs, inputs, y, accumulate);
    }
  }

  /** One, two or four registers of columns, all rows. */
  private static void strip(
      Matrix x,
      int rows,
      Matrix w,
      int column,
      int registers,
      int inputs,
      Matrix y,
      boolean accumulate) {
    if (rows == 1) {
      if (registers == 4) {
        oneByFour(x, w, y, 0, column, inputs, accumulate);
      } else if (registers == 2) {
        oneByTwo(x, w, y, 0, column, inputs, accumulate);
      } else {
        oneByOne(x, w, y, 0, column, inputs, accumulate);
      }
      return;
    }
    for (int row = 0; row < rows; row += 4) {
      if (registers == 4) {
        fourByFour(x, w, y, row, rows, column, inputs, accumulate);
      } else if (registers == 2) {
        fourByTwo(x, w, y, row, rows, column, inputs, accumulate);
      } else {
        fourByOne(x, w, y, row, rows, column, inputs, accumulate);
      }
    }
  }

  private static void fourByFour(
      Matrix x, Matrix w, Matrix y, int row, int rows, int column, int inputs, boolean accumulate) {
    float[] xs = x.values;
    float[] ws = w.values;
    float[] ys = y.values;
    int x0 = x.row(row);
    int x1 = x.row(Math.min(row + 1, rows - 1));
    int x2 = x.row(Math.min(row + 2, rows - 1));
    int x3 = x.row(Math.min(row + 3, rows - 1));
    int y0 = y.row(row) + column;
    int y1 = y.row(Math.min(row + 1, rows - 1)) + column;
    int y2 = y.row(Math.min(row + 2, rows - 1)) + column;
    int y3 = y.row(Math.min(row + 3, rows - 1)) + column;
    int step = LANES.length();
    FloatVector s00 = FloatVector.zero(LANES);
    FloatVector s01 = s00;
    FloatVector s02 = s00;
    FloatVector s03 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s12 = s00;
    FloatVector s13 = s00;
    FloatVector s20 = s00;
    FloatVector s21 = s00;
    FloatVector s22 = s00;
    FloatVector s23 = s00;
    FloatVector s30 = s00;
    FloatVector s31 = s00;
    FloatVector s32 = s00;
    FloatVector s33 = s00;
    if (accumulate) {
      s00 = FloatVector.fromArray(LANES, ys, y0);
      s01 = FloatVector.fromArray(LANES, ys, y0 + step);
      s02 = FloatVector.fromArray(LANES, ys, y0 + 2 * step);
      s03 = FloatVector.fromArray(LANES, ys, y0 + 3 * step);
      s10 = FloatVector.fromArray(LANES, ys, y1);
      s11 = FloatVector.fromArray(LANES, ys, y1 + step);
      s12 = FloatVector.fromArray(LANES, ys, y1 + 2 * step);
      s13 = FloatVector.fromArray(LANES, ys, y1 + 3 * step);
      s20 = FloatVector.fromArray(LANES, ys, y2);
      s21 = FloatVector.fromArray(LANES, ys, y2 + step);
      s22 = FloatVector.fromArray(LANES, ys, y2 + 2 * step);
      s23 = FloatVector.fromArray(LANES, ys, y2 + 3 * step);
      s30 = FloatVector.fromArray(LANES, ys, y3);
      s31 = FloatVector.fromArray(LANES, ys, y3 + step);
      s32 = FloatVector.fromArray(LANES, ys, y3 + 2 * step);
      s33 = FloatVector.fromArray(LANES, ys, y3 + 3 * step);
    }
    int stride = w.stride;
    int at = w.start + column;
    for (int i = 0; i < inputs; i++) {
      FloatVector v0 = FloatVector.fromArray(LANES, ws, at);
      FloatVector v1 = FloatVector.fromArray(LANES, ws, at + step);
      FloatVector v2 = FloatVector.fromArray(LANES, ws, at + 2 * step);
      FloatVector v3 = FloatVector.fromArray(LANES, ws, at + 3 * step);
      FloatVector u = FloatVector.broadcast(LANES, xs[x0 + i]);
      s00 = u.fma(v0, s00);
      s01 = u.fma(v1, s01);
      s02 = u.fma(v2, s02);
      s03 = u.fma(v3, s03);
      u = FloatVector.broadcast(LANES, xs[x1 + i]);
      s10 = u.fma(v0, s10);
      s11 = u.fma(v1, s11);
      s12 = u.fma(v2, s12);
      s13 = u.fma(v3, s13);
      u = FloatVector.broadcast(LANES, xs[x2 + i]);
      s20 = u.fma(v0, s20);
      s21 = u.fma(v1, s21);
      s22 = u.fma(v2, s22);
      s23 = u.fma(v3, s23);
      u = FloatVector.broadcast(LANES, xs[x3 + i]);
      s30 = u.fma(v0, s30);
      s31 = u.fma(v1, s31);
      s32 = u.fma(v2, s32);
      s33 = u.fma(v3, s33);
      at += stride;
    }
    s00.intoArray(ys, y0);
    s01.intoArray(ys, y0 + step);
    s02.intoArray(ys, y0 + 2 * step);
    s03.intoArray(ys, y0 + 3 * step);
    s10.intoArray(ys, y1);
    s11.intoArray(ys, y1 + step);
    s12.intoArray(ys, y1 + 2 * step);
    s13.intoArray(ys, y1 + 3 * step);
    s20.intoArray(ys, y2);
    s21.intoArray(ys, y2 + step);
    s22.intoArray(ys, y2 + 2 * step);
    s23.intoArray(ys, y2 + 3 * step);
    s30.intoArray(ys, y3);
    s31.intoArray(ys, y3 + step);
    s32.intoArray(ys, y3 + 2 * step);
    s33.intoArray(ys, y3 + 3 * step);
  }

  private static void fourByTwo(
      Matrix x, Matrix w, Matrix y, int row, int rows, int column, int inputs, boolean accumulate) {
    float[] xs = x.values;
    float[] ws = w.values;
    float[] ys = y.values;
    int x0 = x.row(row);
    int x1 = x.row(Math.min(row + 1, rows - 1));
    int x2 = x.row(Math.min(row + 2, rows - 1));
    int x3 = x.row(Math.min(row + 3, rows - 1));
    int y0 = y.row(row) + column;
    int y1 = y.row(Math.min(row + 1, rows - 1)) + column;
    int y2 = y.row(Math.min(row + 2, rows - 1)) + column;
    int y3 = y.row(Math.min(row + 3, rows - 1)) + column;
    int step = LANES.length();
    FloatVector s00 = FloatVector.zero(LANES);
    FloatVector s01 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s20 = s00;
    FloatVector s21 = s00;
    FloatVector s30 = s00;
    FloatVector s31 = s00;
    if (accumulate) {
      s00 = FloatVector.fromArray(LANES, ys, y0);
      s01 = FloatVector.fromArray(LANES, ys, y0 + step);
      s10 = FloatVector.fromArray(LANES, ys, y1);
      s11 = FloatVector.fromArray(LANES, ys, y1 + step);
      s20 = FloatVector.fromArray(LANES, ys, y2);
      s21 = FloatVector.fromArray(LANES, ys, y2 + step);
      s30 = FloatVector.fromArray(LANES, ys, y3);
      s31 = FloatVector.fromArray(LANES, ys, y3 + step);
    }
    int stride = w.stride;
    int at = w.start + column;
    for (int i = 0; i < inputs; i++) {
      FloatVector v0 = FloatVector.fromArray(LANES, ws, at);
      FloatVector v1 = FloatVector.fromArray(LANES, ws, at + step);
      FloatVector u = FloatVector.broadcast(LANES, xs[x0 + i]);
      s00 = u.fma(v0, s00);
      s01 = u.fma(v1, s01);
      u = FloatVector.broadcast(LANES, xs[x1 + i]);
      s10 = u.fma(v0, s10);
      s11 = u.fma(v1, s11);
      u = FloatVector.broadcast(LANES, xs[x2 + i]);
      s20 = u.fma(v0, s20);
      s21 = u.fma(v1, s21);
      u = FloatVector.broadcast(LANES, xs[x3 + i]);
      s30 = u.fma(v0, s30);
      s31 = u.fma(v1, s31);
      at += stride;
    }
    s00.intoArray(ys, y0);
    s01.intoArray(ys, y0 + step);
    s10.intoArray(ys, y1);
    s11.intoArray(ys, y1 + step);
    s20.intoArray(ys, y2);
    s21.intoArray(ys, y2 + step);
    s30.intoArray(ys, y3);
    s31.intoArray(ys, y3 + step);
  }

  private static void fourByOne(
      Matrix x, Matrix w, Matrix y, int row, int rows, int column, int inputs, boolean accumulate) {
    float[] xs = x.values;
    float[] ws = w.values;
    float[] ys = y.values;
    int x0 = x.row(row);
    int x1 = x.row(Math.min(row + 1, rows - 1));
    int x2 = x.row(Math.min(row + 2, rows - 1));
    int x3 = x.row(Math.min(row + 3, rows - 1));
    int y0 = y.row(row) + column;
    int y1 = y.row(Math.min(row + 1, rows - 1)) + column;
    int y2 = y.row(Math.min(row + 2, rows - 1)) + column;
    int y3 = y.row(Math.min(row + 3, rows - 1)) + column;
    FloatVector s00 = FloatVector.zero(LANES);
    FloatVector s10 = s00;
    FloatVector s20 = s00;
    FloatVector s30 = s00;
    if (accumulate) {
      s00 = FloatVector.fromArray(LANES, ys, y0);
      s10 = FloatVector.fromArray(LANES, ys, y1);
      s20 = FloatVector.fromArray(LANES, ys, y2);
      s30 = FloatVector.fromArray(LANES, ys, y3);
    }
    int stride = w.stride;
    int at = w.start + column;
    for (int i = 0; i < inputs; i++) {
      FloatVector v0 = FloatVector.fromArray(LANES, ws, at);
      FloatVector u = FloatVector.broadcast(LANES, xs[x0 + i]);
      s00 = u.fma(v0, s00);
      u = FloatVector.broadcast(LANES, xs[x1 + i]);
      s10 = u.fma(v0, s10);
      u = FloatVector.broadcast(LANES, xs[x2 + i]);
      s20 = u.fma(v0, s20);
      u = FloatVector.broadcast(LANES, xs[x3 + i]);
      s30 = u.fma(v0, s30);
      at += stride;
    }
    s00.intoArray(ys, y0);
    s10.intoArray(ys, y1);
    s20.intoArray(ys, y2);
    s30.intoArray(ys, y3);
  }

  private static void oneByFour(
      Matrix x, Matrix w, Matrix y, int row, int column, int inputs, boolean accumulate) {
    float[] xs = x.values;
    float[] ws = w.values;
    float[] ys = y.values;
    int x0 = x.row(row);
    int y0 = y.row(row) + column;
    int step = LANES.length();
    FloatVector s00 = FloatVector.zero(LANES);
    FloatVector s01 = s00;
    FloatVector s02 = s00;
    FloatVector s03 = s00;
    if (accumulate) {
      s00 = FloatVector.fromArray(LANES, ys, y0);
      s01 = FloatVector.fromArray(LANES, ys, y0 + step);
      s02 = FloatVector.fromArray(LANES, ys, y0 + 2 * step);
      s03 = FloatVector.fromArray(LANES, ys, y0 + 3 * step);
    }
    int stride = w.stride;
    int at = w.start + column;
    for (int i = 0; i < inputs; i++) {
      FloatVector v0 = FloatVector.fromArray(LANES, ws, at);
      FloatVector v1 = FloatVector.fromArray(LANES, ws, at + step);
      FloatVector v2 = FloatVector.fromArray(LANES, ws, at + 2 * step);
      FloatVector v3 = FloatVector.fromArray(LANES, ws, at + 3 * step);
      FloatVector u = FloatVector.broadcast(LANES, xs[x0 + i]);
      s00 = u.fma(v0, s00);
      s01 = u.fma(v1, s01);
      s02 = u.fma(v2, s02);
      s03 = u.fma(v3, s03);
      at += stride;
    }
    s00.intoArray(ys, y0);
    s01.intoArray(ys, y0 + step);
    s02.intoArray(ys, y0 + 2 * step);
    s03.intoArray(ys, y0 + 3 * step);
  }

  private static void oneByTwo(
      Matrix x, Matrix w, Matrix y, int row, int column, int inputs, boolean accumulate) {
    float[] xs = x.values;
    float[] ws = w.values;
    float[] ys = y.values;
    int x0 = x.row(row);
    int y0 = y.row(row) + column;
    int step = LANES.length();
    FloatVector s00 = FloatVector.zero(LANES);
    FloatVector s01 = s00;
    if (accumulate) {
      s00 = FloatVector.fromArray(LANES, ys, y0);
      s01 = FloatVector.fromArray(LANES, ys, y0 + step);
    }
    int stride = w.stride;
    int at = w.start + column;
    for (int i = 0; i < inputs; i++) {
      FloatVector v0 = FloatVector.fromArray(LANES, ws, at);
      FloatVector v1 = FloatVector.fromArray(LANES, ws, at + step);
      FloatVector u = FloatVector.broadcast(LANES, xs[x0 + i]);
      s00 = u.fma(v0, s00);
      s01 = u.fma(v1, s01);
      at += stride;
    }
    s00.intoArray(ys, y0);
    s01.intoArray(ys, y0 + step);
  }

  private static void oneByOne(
      Matrix x, Matrix w, Matrix y, int row, int column, int inputs, boolean accumulate) {
    float[] xs = x.values;
    float[] ws = w.values;
    float[] ys = y.values;
    int x0 = x.row(row);
    int y0 = y.row(row) + column;
    FloatVector s00 = FloatVector.zero(LANES);
    if (accumulate) {
      s00 = FloatVector.fromArray(LANES, ys, y0);
    }
    int stride = w.stride;
    int at = w.start + column;
    for (int i = 0; i < inputs; i++) {
      FloatVector v0 = FloatVector.fromArray(LANES, ws, at);
      FloatVector u = FloatVector.broadcast(LANES, xs[x0 + i]);
      s00 = u.fma(v0, s00);
      at += stride;
    }
    s00.intoArray(ys, y0);
  }
}
