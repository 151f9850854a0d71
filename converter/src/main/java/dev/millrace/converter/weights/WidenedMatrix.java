package dev.millrace.converter.weights;

import dev.millrace.api.workspace.Int4Tile;
import dev.millrace.api.workspace.StorageType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A matrix in float32, exactly, for tensors that are fused of members of different storage. F16 and
 * BF16 widen without loss; a four-bit number less its zero (5 bits and sign) times a scale of at
 * most 11 significant bits fits the 24 of float32.
 */
final class WidenedMatrix implements DenseMatrix {
  private final Matrix source;

  private WidenedMatrix(Matrix source) {
    this.source = source;
  }

  static DenseMatrix of(Matrix source) {
    return source instanceof DenseMatrix dense && dense.type() == StorageType.F32
        ? dense
        : new WidenedMatrix(source);
  }

  @Override
  public StorageType type() {
    return StorageType.F32;
  }

  @Override
  public long outputs() {
    return source.outputs();
  }

  @Override
  public long inputs() {
    return source.inputs();
  }

  @Override
  public void copyRows(long row, int rows, ByteBuffer target) throws IOException {
    if (source instanceof DenseMatrix dense) {
      ByteBuffer narrow = narrow(inputs());
      for (int i = 0; i < rows; i++) {
        dense.copyRows(row + i, 1, narrow.clear());
        widen(dense.type(), narrow.flip(), target);
      }
    } else {
      Int4Matrix packed = (Int4Matrix) source;
      for (int i = 0; i < rows; i++) {
        for (long input = 0; input < inputs(); input++) {
          target.putFloat(weight(packed, row + i, input));
        }
      }
    }
  }

  @Override
  public void copyColumns(long column, int columns, ByteBuffer target) throws IOException {
    if (source instanceof DenseMatrix dense) {
      ByteBuffer narrow = narrow(outputs());
      for (int i = 0; i < columns; i++) {
        dense.copyColumns(column + i, 1, narrow.clear());
        widen(dense.type(), narrow.flip(), target);
      }
    } else {
      Int4Matrix packed = (Int4Matrix) source;
      for (int i = 0; i < columns; i++) {
        for (long output = 0; output < outputs(); output++) {
          target.putFloat(weight(packed, output, column + i));
        }
      }
    }
  }

  private static float weight(Int4Matrix packed, long output, long input) throws IOException {
    long tile = input / Int4Tile.INPUTS;
    float scale = Halves.toFloat(packed.scaleType(), packed.scale(output, tile));
    return (packed.nibble(output, input) - packed.zero(output, tile)) * scale;
  }

  private static ByteBuffer narrow(long elements) {
    return ByteBuffer.allocate(Math.toIntExact(elements * 2)).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static void widen(StorageType type, ByteBuffer narrow, ByteBuffer target) {
    while (narrow.hasRemaining()) {
      target.putFloat(Halves.toFloat(type, narrow.getShort()));
    }
  }
}
