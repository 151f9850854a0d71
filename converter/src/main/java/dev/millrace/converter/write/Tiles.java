package dev.millrace.converter.write;

import dev.millrace.api.workspace.Int4Tile;
import dev.millrace.converter.weights.FusedRows;
import dev.millrace.converter.weights.Int4Matrix;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Writes int4 tiles of rows in canonical order; what lies outside a matrix is exact zero. */
final class Tiles {
  private final FusedRows rows;

  Tiles(FusedRows rows) {
    this.rows = rows;
  }

  /**
   * Writes one tile.
   *
   * @param block index of its 64 canonical rows
   * @param tile index of its 128 inputs
   * @param position where it begins in the target, whose own position is not moved
   */
  void write(long block, long tile, ByteBuffer target, int position) throws IOException {
    long first = block * Int4Tile.OUTPUTS;
    FusedRows.Run run = rows.find(first);
    long offset = first - run.first();
    boolean whole =
        run.member() != null
            && run.rows() - offset >= Int4Tile.OUTPUTS
            && (run.row() + offset) % Int4Tile.OUTPUTS == 0
            && (tile + 1) * Int4Tile.INPUTS <= run.member().inputs();
    if (whole) {
      Int4Matrix matrix = (Int4Matrix) run.member();
      matrix.packNibbles(run.row() + offset, tile, target, position);
      for (int row = 0; row < Int4Tile.OUTPUTS; row++) {
        scale(matrix, run.row() + offset + row, tile, row, target, position);
      }
    } else {
      writeRowByRow(first, tile, target, position);
    }
  }

  private void writeRowByRow(long first, long tile, ByteBuffer target, int position)
      throws IOException {
    for (int i = 0; i < Int4Tile.SCALES_OFFSET; i += Long.BYTES) {
      target.putLong(position + i, 0);
    }
    for (int row = 0; row < Int4Tile.OUTPUTS; row++) {
      FusedRows.Run run = rows.find(first + row);
      Int4Matrix matrix = (Int4Matrix) run.member();
      if (matrix == null || tile * Int4Tile.INPUTS >= matrix.inputs()) {
        // zero 0 and scale 0: a weight of exactly 0
        target.putInt(scaleOffset(position, row), Int4Tile.zeroBits(0) << 16);
        continue;
      }
      long output = run.row() + first + row - run.first();
      scale(matrix, output, tile, row, target, position);
      nibbles(matrix, output, tile, row, target, position);
    }
  }

  /** Inputs past the matrix hold the zero itself, so that their weight is exactly 0. */
  private static void nibbles(
      Int4Matrix matrix, long output, long tile, int row, ByteBuffer target, int position)
      throws IOException {
    for (int i = 0; i < Int4Tile.INPUTS; i++) {
      long input = tile * Int4Tile.INPUTS + i;
      int nibble =
          input < matrix.inputs() ? matrix.nibble(output, input) : matrix.zero(output, tile);
      int at = position + Int4Tile.wordOffset(row, i);
      target.putInt(at, target.getInt(at) | (nibble << Int4Tile.shift(row, i)));
    }
  }

  private static void scale(
      Int4Matrix matrix, long output, long tile, int row, ByteBuffer target, int position)
      throws IOException {
    int word = (Int4Tile.zeroBits(matrix.zero(output, tile)) << 16) | matrix.scale(output, tile);
    target.putInt(scaleOffset(position, row), word);
  }

  private static int scaleOffset(int position, int row) {
    return position + Int4Tile.SCALES_OFFSET + row * Integer.BYTES;
  }
}
