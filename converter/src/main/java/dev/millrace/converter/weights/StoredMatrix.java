package dev.millrace.converter.weights;

import dev.millrace.api.workspace.StorageType;
import dev.millrace.converter.read.TensorData;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A dense tensor of a checkpoint, read through mapped pages. */
final class StoredMatrix implements DenseMatrix {
  /** Square of elements that is transposed at a time, so that both sides stay in the L1 cache. */
  private static final int BLOCK = 64;

  private final TensorData data;
  private final StorageType type;
  private final long inputs;

  StoredMatrix(TensorData data, StorageType type) {
    this.data = data;
    this.type = type;
    this.inputs = data.rowBytes() / type.elementBytes();
  }

  @Override
  public StorageType type() {
    return type;
  }

  @Override
  public long outputs() {
    return data.rows();
  }

  @Override
  public long inputs() {
    return inputs;
  }

  @Override
  public void copyRows(long row, int rows, ByteBuffer target) throws IOException {
    data.copyRows(row, rows, target);
  }

  @Override
  public void copyColumns(long column, int columns, ByteBuffer target) throws IOException {
    int start = target.position();
    int outputs = (int) outputs();
    for (int fromRow = 0; fromRow < outputs; fromRow += BLOCK) {
      int toRow = Math.min(fromRow + BLOCK, outputs);
      for (int from = 0; from < columns; from += BLOCK) {
        int to = Math.min(from + BLOCK, columns);
        for (int row = fromRow; row < toRow; row++) {
          transposeRun(row, column, from, to, target, start);
        }
      }
    }
    target.position(start + columns * outputs * type.elementBytes());
  }

  private void transposeRun(int row, long column, int from, int to, ByteBuffer target, int start)
      throws IOException {
    ByteBuffer source = data.window(row);
    int outputs = (int) outputs();
    if (type == StorageType.F32) {
      int at = data.offset(row) + (int) (column + from) * 4;
      int out = start + (from * outputs + row) * 4;
      for (int i = from; i < to; i++, at += 4, out += outputs * 4) {
        target.putInt(out, source.getInt(at));
      }
    } else {
      int at = data.offset(row) + (int) (column + from) * 2;
      int out = start + (from * outputs + row) * 2;
      for (int i = from; i < to; i++, at += 2, out += outputs * 2) {
        target.putShort(out, source.getShort(at));
      }
    }
  }
}
