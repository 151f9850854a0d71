package dev.millrace.converter.weights;

import dev.millrace.api.workspace.StorageType;
import java.nio.ByteBuffer;

/**
 * A dense matrix of random numbers by position. Positions count along the dimension that the
 * workspace stores innermost, so that filling it is one run through the counter.
 */
final class RandomDense implements DenseMatrix {
  private final Counter counter;
  private final Gaussian values;
  private final StorageType type;
  private final long outputs;
  private final long inputs;
  private final boolean byColumn;

  RandomDense(
      Counter counter,
      Gaussian values,
      StorageType type,
      long outputs,
      long inputs,
      boolean byColumn) {
    this.counter = counter;
    this.values = values;
    this.type = type;
    this.outputs = outputs;
    this.inputs = inputs;
    this.byColumn = byColumn;
  }

  @Override
  public StorageType type() {
    return type;
  }

  @Override
  public long outputs() {
    return outputs;
  }

  @Override
  public long inputs() {
    return inputs;
  }

  @Override
  public void copyRows(long row, int rows, ByteBuffer target) {
    copy(row, rows, inputs, !byColumn, target);
  }

  @Override
  public void copyColumns(long column, int columns, ByteBuffer target) {
    copy(column, columns, outputs, byColumn, target);
  }

  private void copy(long line, int lines, long length, boolean along, ByteBuffer target) {
    if (along) {
      fill(line * length, line * length + lines * length, target);
      return;
    }
    long stride = byColumn ? outputs : inputs;
    for (long i = line; i < line + lines; i++) {
      for (long j = 0; j < length; j++) {
        put(j * stride + i, target);
      }
    }
  }

  /** Elements of a run of positions; four share the 64 bits at their position / 4. */
  private void fill(long from, long to, ByteBuffer target) {
    long at = from;
    while (at < to && at % 4 != 0) {
      put(at++, target);
    }
    for (; at + 4 <= to; at += 4) {
      long bits = counter.bits(at / 4);
      long a = values.element(bits);
      long b = values.element(bits >>> 16);
      long c = values.element(bits >>> 32);
      long d = values.element(bits >>> 48);
      if (type == StorageType.F32) {
        target.putLong((a & 0xffffffffL) | (b << 32)).putLong((c & 0xffffffffL) | (d << 32));
      } else {
        target.putLong(a | (b << 16) | (c << 32) | (d << 48));
      }
    }
    while (at < to) {
      put(at++, target);
    }
  }

  private void put(long position, ByteBuffer target) {
    int element = values.element(counter.bits(position / 4) >>> ((int) (position % 4) * 16));
    if (type == StorageType.F32) {
      target.putInt(element);
    } else {
      target.putShort((short) element);
    }
  }
}
