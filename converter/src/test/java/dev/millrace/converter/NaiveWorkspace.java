package dev.millrace.converter;

import dev.millrace.api.workspace.StorageType;
import dev.millrace.api.workspace.TensorEntry.Layout;
import dev.millrace.api.workspace.WeightPart;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Reads a rank's part as floats {@code [outputs][inputs]}, from the description of the layouts. */
final class NaiveWorkspace {
  private NaiveWorkspace() {}

  static float[][] read(WeightPart part) {
    ByteBuffer bytes = concatenate(part);
    int outputs = (int) part.outputs();
    int inputs = (int) part.inputs();
    float[][] values = new float[outputs][inputs];
    if (part.entry().storage() == StorageType.INT4) {
      readTiles(part, bytes, values);
      return values;
    }
    boolean outputMajor = part.entry().layout() == Layout.OUTPUT_MAJOR;
    for (int n = 0; n < outputs; n++) {
      for (int k = 0; k < inputs; k++) {
        int index = outputMajor ? n * inputs + k : k * outputs + n;
        values[n][k] = element(part.entry().storage(), bytes, index);
      }
    }
    return values;
  }

  static ByteBuffer concatenate(WeightPart part) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (ByteBuffer range : part.ranges()) {
      byte[] copy = new byte[range.remaining()];
      range.duplicate().get(copy);
      out.writeBytes(copy);
    }
    return ByteBuffer.wrap(out.toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static float element(StorageType type, ByteBuffer bytes, int index) {
    return switch (type) {
      case F32 -> bytes.getFloat(index * 4);
      case F16 -> NaiveCheckpoint.half(bytes.getShort(index * 2));
      case BF16 -> Float.intBitsToFloat(bytes.getShort(index * 2) << 16);
      case INT4 -> throw new AssertionError();
    };
  }

  private static void readTiles(WeightPart part, ByteBuffer bytes, float[][] values) {
    int slabs = part.slabs();
    int blocks = values.length / 64;
    int tiles = values[0].length / slabs / 128;
    int at = 0;
    for (int slab = 0; slab < slabs; slab++) {
      for (int block = 0; block < blocks; block++) {
        for (int tile = 0; tile < tiles; tile++) {
          readTile(
              part,
              bytes.slice(at, 4352).order(ByteOrder.LITTLE_ENDIAN),
              block,
              slab * tiles + tile,
              values);
          at += 4352;
        }
      }
    }
  }

  /** Thread by thread and step by step, as the tile is specified. */
  private static void readTile(
      WeightPart part, ByteBuffer bytes, int block, int tile, float[][] values) {
    for (int t = 0; t < 128; t++) {
      int g = t % 32 / 4;
      int c = t % 4;
      int r = 16 * (t / 32) + g;
      for (int s = 0; s < 8; s++) {
        int word = bytes.getInt(s / 4 * 2048 + t * 16 + s % 4 * 4);
        int[][] places = {
          {r, 2 * c}, {r + 8, 2 * c}, {r, 2 * c + 8}, {r + 8, 2 * c + 8},
          {r, 2 * c + 1}, {r + 8, 2 * c + 1}, {r, 2 * c + 9}, {r + 8, 2 * c + 9},
        };
        for (int i = 0; i < 8; i++) {
          int row = places[i][0];
          int scaleWord = bytes.getInt(4096 + 4 * row);
          float zero = Float.intBitsToFloat(scaleWord & 0xffff0000) - 128;
          float scale =
              part.entry().scaleType() == StorageType.BF16
                  ? Float.intBitsToFloat(scaleWord << 16)
                  : NaiveCheckpoint.half((short) scaleWord);
          int number = (word >>> (4 * i)) & 15;
          values[block * 64 + row][tile * 128 + 16 * s + places[i][1]] = (number - zero) * scale;
        }
      }
    }
  }
}
