package dev.millrace.engine.compute;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A random weight as a backend gets it, and the numbers it stands for, worked out on their own.
 *
 * @param data the bytes
 * @param values the numbers // (outputs, inputs)
 */
@SuppressWarnings("ArrayRecordComponent")
record TestWeight(WeightData data, double[][] values) {

  /** A dense weight whose numbers are about 1 / sqrt(inputs). */
  static TestWeight dense(
      String name, DType type, WeightLayout layout, int outputs, int inputs, Random random) {
    double[][] values = new double[outputs][inputs];
    WeightShape shape = new WeightShape(type, layout, outputs, inputs, 1);
    ByteBuffer bytes = buffer(shape.bytes());
    for (double[] row : values) {
      for (int i = 0; i < inputs; i++) {
        row[i] = random.nextGaussian() / Math.sqrt(inputs);
      }
    }
    boolean byOutput = layout == WeightLayout.OUTPUT_MAJOR;
    for (int a = 0; a < (byOutput ? outputs : inputs); a++) {
      for (int b = 0; b < (byOutput ? inputs : outputs); b++) {
        int o = byOutput ? a : b;
        int i = byOutput ? b : a;
        values[o][i] = put(bytes, type, (float) values[o][i]);
      }
    }
    int line = (byOutput ? inputs : outputs) * type.bytes();
    return new TestWeight(new WeightData(name, shape, cut(bytes, line)), values);
  }

  /** Weights of a norm or a bias, about 1. */
  static TestWeight vector(String name, DType type, int length, Random random) {
    double[][] values = new double[1][length];
    ByteBuffer bytes = buffer((long) length * type.bytes());
    for (int i = 0; i < length; i++) {
      values[0][i] = put(bytes, type, (float) (1 + random.nextGaussian() / 4));
    }
    bytes.flip();
    return new TestWeight(
        new WeightData(name, WeightShape.vector(type, length), List.of(bytes)), values);
  }

  /** Four-bit tiles, packed from the words of the format's description. */
  static TestWeight int4(
      String name, DType scaleType, int outputs, int inputs, int slabs, Random random) {
    WeightShape shape = new WeightShape(scaleType, WeightLayout.INT4_TILES, outputs, inputs, slabs);
    double[][] values = new double[outputs][inputs];
    ByteBuffer bytes = buffer(shape.bytes());
    int slabInputs = inputs / slabs;
    for (int slab = 0; slab < slabs; slab++) {
      for (int o = 0; o < outputs; o += 64) {
        for (int i = slab * slabInputs; i < (slab + 1) * slabInputs; i += 128) {
          putTile(bytes, scaleType, values, o, i, random);
        }
      }
    }
    return new TestWeight(new WeightData(name, shape, cut(bytes, WeightShape.TILE_BYTES)), values);
  }

  private static void putTile(
      ByteBuffer bytes, DType scaleType, double[][] values, int o, int i, Random random) {
    int start = bytes.position();
    int[][] nibbles = new int[64][128];
    for (int[] row : nibbles) {
      for (int k = 0; k < 128; k++) {
        row[k] = random.nextInt(16);
      }
    }
    for (int thread = 0; thread < 128; thread++) {
      int row = 16 * (thread / 32) + thread % 32 / 4;
      for (int step = 0; step < 8; step++) {
        int k = 16 * step + 2 * (thread % 4);
        int word =
            nibbles[row][k]
                | (nibbles[row + 8][k] << 4)
                | (nibbles[row][k + 8] << 8)
                | (nibbles[row + 8][k + 8] << 12)
                | (nibbles[row][k + 1] << 16)
                | (nibbles[row + 8][k + 1] << 20)
                | (nibbles[row][k + 9] << 24)
                | (nibbles[row + 8][k + 9] << 28);
        bytes.putInt(start + step / 4 * 2048 + 16 * thread + step % 4 * 4, word);
      }
    }
    bytes.position(start + 4096);
    for (int row = 0; row < 64; row++) {
      double scale = put(bytes, scaleType, (float) ((1 + random.nextInt(100)) / 4096.0));
      int zero = random.nextInt(16);
      put(bytes, DType.BF16, 128 + zero);
      for (int k = 0; k < 128; k++) {
        values[o + row][i + k] = scale * (nibbles[row][k] - zero);
      }
    }
  }

  /** Writes a number in a type, cutting off what it cannot hold; returns what was written. */
  private static double put(ByteBuffer bytes, DType type, float value) {
    int bits = Float.floatToRawIntBits(value);
    switch (type) {
      case F32 -> bytes.putFloat(value);
      case BF16 -> {
        bytes.putShort((short) (bits >>> 16));
        return Float.intBitsToFloat(bits & 0xffff0000);
      }
      case F16 -> {
        if (Math.abs(value) < 0x1p-14f) {
          int fraction = (int) (Math.abs(value) * 0x1p24f);
          bytes.putShort((short) (((bits >>> 16) & 0x8000) | fraction));
          return Math.copySign(fraction * 0x1p-24, value);
        }
        int exponent = ((bits >>> 23) & 0xff) - 112;
        bytes.putShort(
            (short) (((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >>> 13) & 0x3ff)));
        return Float.intBitsToFloat(bits & 0xffffe000);
      }
    }
    return value;
  }

  private static ByteBuffer buffer(long bytes) {
    return ByteBuffer.allocateDirect(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Three ranges of whole lines where there are enough, as the parts of a workspace have. */
  private static List<ByteBuffer> cut(ByteBuffer bytes, int lineBytes) {
    bytes.flip();
    int lines = bytes.limit() / lineBytes;
    List<ByteBuffer> ranges = new ArrayList<>();
    int from = 0;
    for (int to : new int[] {lines / 3, lines / 2, lines}) {
      if (to > from) {
        ranges.add(bytes.slice(from * lineBytes, (to - from) * lineBytes).asReadOnlyBuffer());
        from = to;
      }
    }
    return ranges;
  }
}
