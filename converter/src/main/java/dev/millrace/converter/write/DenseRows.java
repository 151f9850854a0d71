package dev.millrace.converter.write;

import dev.millrace.api.workspace.StripSource;
import dev.millrace.converter.weights.DenseMatrix;
import dev.millrace.converter.weights.FusedRows;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Strips of a dense, output-major tensor: rows of its members in canonical order. */
final class DenseRows implements StripSource {
  private final FusedRows rows;

  DenseRows(FusedRows rows) {
    this.rows = rows;
  }

  @Override
  public void fill(long firstStrip, int strips, ByteBuffer target) throws IOException {
    long at = firstStrip;
    long end = firstStrip + strips;
    int rowBytes = target.remaining() / strips;
    while (at < end) {
      FusedRows.Run run = rows.find(at);
      int here = (int) (Math.min(end, run.first() + run.rows()) - at);
      if (run.member() == null) {
        zero(target, here * rowBytes);
      } else {
        ((DenseMatrix) run.member()).copyRows(run.row() + at - run.first(), here, target);
      }
      at += here;
    }
  }

  static void zero(ByteBuffer target, int bytes) {
    int end = target.position() + bytes;
    while (target.position() + Long.BYTES <= end) {
      target.putLong(0);
    }
    while (target.position() < end) {
      target.put((byte) 0);
    }
  }
}
