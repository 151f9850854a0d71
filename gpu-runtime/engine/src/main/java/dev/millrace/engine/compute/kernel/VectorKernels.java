package dev.millrace.engine.compute.kernel;

import jdk.incubator.vector.FloatVector;

/**
 * Kernels with the Vector API. Only loaded where the JVM has the module {@code
 * jdk.incubator.vector}.
 */
final class VectorKernels implements Kernels {
  private static final int LANES = FloatVector.SPECIES_PREFERRED.length();

  private final float[] sums = new float[16 * PAD];
  private final float[] lanes = new float[16 * PAD];

  /** Whether registers are of a size these kernels are written for. */
  static boolean fits() {
    return LANES == 4 || LANES == 8 || LANES == 16;
  }

  @Override
  public String name() {
    return "vector-" + LANES * Float.SIZE;
  }

  @Override
  public void widenBf16(short[] from, int fromStart, float[] to, int toStart, int count) {
    VectorWiden.bf16(from, fromStart, to, toStart, count);
  }

  @Override
  public void widenF16(short[] from, int fromStart, float[] to, int toStart, int count) {
    VectorWiden.f16(from, fromStart, to, toStart, count);
  }

  @Override
  public void widenTile(int[] tile, boolean scalesAreF16, Matrix to) {
    for (int row = 0; row < TileOrder.OUTPUTS; row++) {
      if (row % 16 < 8) {
        int lower = tile[TileOrder.SCALES + row];
        int upper = tile[TileOrder.SCALES + row + 8];
        VectorWiden.tileRows(
            tile,
            TileOrder.firstWord(row),
            TileOrder.scale(lower, scalesAreF16),
            TileOrder.zero(lower),
            TileOrder.scale(upper, scalesAreF16),
            TileOrder.zero(upper),
            to.values,
            to.row(row),
            to.row(row + 8));
      }
    }
  }

  @Override
  public void toTileOrder(float[] x, int xStart, float[] to, int toStart, int count) {
    TileOrder.permute(x, xStart, to, toStart, count);
  }

  @Override
  public void dots(
      Matrix x, int rows, Matrix w, int outputs, int inputs, Matrix y, boolean accumulate) {
    int whole = inputs / PAD * PAD;
    if (LANES == 16) {
      VectorDots16.dots(x, rows, w, outputs, whole, y, accumulate, lanes, sums);
    } else {
      VectorDots.dots(x, rows, w, outputs, whole, y, accumulate, sums);
    }
    if (whole < inputs) {
      PlainDots.addLast(x, rows, w, outputs, whole, inputs, y);
    }
  }

  @Override
  public void dotsOfHalves(
      Matrix x,
      short[] w,
      int stride,
      boolean f16,
      int outputs,
      int inputs,
      Matrix y,
      boolean accumulate,
      Matrix widened) {
    if (LANES == 16 && inputs % PAD == 0) {
      VectorHalfDots16.dots(x, w, stride, f16, outputs, inputs, y, accumulate, lanes, sums);
    } else {
      Kernels.super.dotsOfHalves(x, w, stride, f16, outputs, inputs, y, accumulate, widened);
    }
  }

  @Override
  public void columns(
      Matrix x, int rows, Matrix w, int outputs, int inputs, Matrix y, boolean accumulate) {
    VectorColumns.columns(x, rows, w, outputs, inputs, y, accumulate);
  }

  @Override
  public float sumOfSquares(float[] x, int start, int count) {
    return VectorMath.sumOfSquares(x, start, count, lanes);
  }

  @Override
  public void scale(
      float[] x, int xStart, float factor, float[] weight, float[] y, int yStart, int count) {
    VectorMath.scale(x, xStart, factor, weight, y, yStart, count);
  }

  @Override
  public void add(float[] x, int xStart, float[] y, int yStart, int count) {
    VectorMath.add(x, xStart, y, yStart, count);
  }

  @Override
  public float max(float[] x, int start, int count) {
    return VectorMath.max(x, start, count, lanes);
  }

  @Override
  public float exponentials(float[] x, int start, int count, float max, float scale) {
    return VectorMath.exponentials(x, start, count, max, scale, lanes);
  }

  @Override
  public void gate(float[] x, int gateStart, int upStart, float[] y, int yStart, int count) {
    VectorMath.gate(x, gateStart, upStart, y, yStart, count);
  }

  @Override
  public void rotate(float[] x, int start, int pairs, float[] table, int tableStart) {
    VectorMath.rotate(x, start, pairs, table, tableStart);
  }
}
