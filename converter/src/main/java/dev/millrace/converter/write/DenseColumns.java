package dev.millrace.converter.write;

import dev.millrace.api.workspace.StripSource;
import dev.millrace.converter.weights.DenseMatrix;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Strips of a dense, input-major tensor: columns of a matrix, and zeros past its last. */
final class DenseColumns implements StripSource {
  private final DenseMatrix matrix;

  DenseColumns(DenseMatrix matrix) {
    this.matrix = matrix;
  }

  @Override
  public void fill(long firstStrip, int strips, ByteBuffer target) throws IOException {
    int real = (int) Math.max(0, Math.min(strips, matrix.inputs() - firstStrip));
    if (real > 0) {
      matrix.copyColumns(firstStrip, real, target);
    }
    DenseRows.zero(target, target.remaining());
  }
}
