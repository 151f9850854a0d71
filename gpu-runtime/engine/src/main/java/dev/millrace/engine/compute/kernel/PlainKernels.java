package dev.millrace.engine.compute.kernel;

/** Kernels in plain Java, for JVMs that do not offer the Vector API. */
final class PlainKernels implements Kernels {
  /** Rows from which it pays to copy weights to a panel first. */
  private static final int PANEL_ROWS = 4;

  private final float[] sums = new float[8];
  private final PlainPanel panel = new PlainPanel();

  @Override
  public String name() {
    return "plain";
  }

  @Override
  public void widenBf16(short[] from, int fromStart, float[] to, int toStart, int count) {
    for (int i = 0; i < count; i++) {
      to[toStart + i] = Float.intBitsToFloat(from[fromStart + i] << 16);
    }
  }

  @Override
  public void widenF16(short[] from, int fromStart, float[] to, int toStart, int count) {
    for (int i = 0; i < count; i++) {
      to[toStart + i] = TileOrder.f16(from[fromStart + i]);
    }
  }

  @Override
  public void widenTile(int[] tile, boolean scalesAreF16, Matrix to) {
    for (int row = 0; row < TileOrder.OUTPUTS; row++) {
      int scaleAndZero = tile[TileOrder.SCALES + row];
      float scale = TileOrder.scale(scaleAndZero, scalesAreF16);
      float zero = TileOrder.zero(scaleAndZero);
      int shift = row % 16 / 8 * 4;
      int at = to.row(row);
      for (int half = 0; half < 2; half++) {
        int first = TileOrder.firstWord(row) + half * 512;
        for (int i = 0; i < 16; i++) {
          int word = tile[first + i] >>> shift;
          to.values[at + i] = ((word & 0xf) - zero) * scale;
          to.values[at + 16 + i] = ((word >>> 16 & 0xf) - zero) * scale;
          to.values[at + 32 + i] = ((word >>> 8 & 0xf) - zero) * scale;
          to.values[at + 48 + i] = ((word >>> 24 & 0xf) - zero) * scale;
        }
        at += 64;
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
    if (rows < PANEL_ROWS) {
      for (int row = 0; row < rows; row++) {
        PlainDots.dots(x, row, w, outputs, inputs, y, accumulate, sums);
      }
      return;
    }
    for (int o = 0; o < outputs; o += PlainPanel.OUTPUTS) {
      int count = Math.min(PlainPanel.OUTPUTS, outputs - o);
      panel.takeOutputs(w, o, count, inputs);
      panel.multiply(x, rows, 0, inputs, o, count, y, accumulate);
    }
  }

  @Override
  public void columns(
      Matrix x, int rows, Matrix w, int outputs, int inputs, Matrix y, boolean accumulate) {
    if (rows < PANEL_ROWS) {
      PlainDots.columns(x, rows, w, 0, outputs, inputs, y, accumulate);
      return;
    }
    for (int o = 0; o < outputs; o += PlainPanel.OUTPUTS) {
      int count = Math.min(PlainPanel.OUTPUTS, outputs - o);
      for (int i = 0; i < inputs; i += DOT_INPUTS_MAX) {
        int some = Math.min(DOT_INPUTS_MAX, inputs - i);
        panel.takeInputs(w, i, some, o, count);
        panel.multiply(x, rows, i, some, o, count, y, accumulate || i > 0);
      }
    }
  }

  @Override
  public float sumOfSquares(float[] x, int start, int count) {
    return PlainMath.sumOfSquares(x, start, count);
  }

  @Override
  public void scale(
      float[] x, int xStart, float factor, float[] weight, float[] y, int yStart, int count) {
    PlainMath.scale(x, xStart, factor, weight, y, yStart, count);
  }

  @Override
  public void add(float[] x, int xStart, float[] y, int yStart, int count) {
    PlainMath.add(x, xStart, y, yStart, count);
  }

  @Override
  public float max(float[] x, int start, int count) {
    return PlainMath.max(x, start, count);
  }

  @Override
  public float exponentials(float[] x, int start, int count, float max, float scale) {
    return PlainMath.exponentials(x, start, count, max, scale);
  }

  @Override
  public void gate(float[] x, int gateStart, int upStart, float[] y, int yStart, int count) {
    PlainMath.gate(x, gateStart, upStart, y, yStart, count);
  }

  @Override
  public void rotate(float[] x, int start, int pairs, float[] table, int tableStart) {
    PlainMath.rotate(x, start, pairs, 0, table, tableStart);
  }
}
