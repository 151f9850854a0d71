package dev.millrace.engine.model;

import dev.millrace.api.workspace.StorageType;
import java.nio.ByteBuffer;
import java.util.Random;

/**
 * A matrix of a tiny model: the numbers as stored, and for int4 what they are made of.
 *
 * @param storage F32, F16, BF16 or INT4
 * @param values the numbers // (outputs, inputs)
 * @param nibbles int4: 0 to 15 // (outputs, inputs)
 * @param scales int4: one a 128 inputs, exact in float16 // (outputs, inputs / 128)
 * @param zeros int4 // (outputs, inputs / 128)
 */
@SuppressWarnings("ArrayRecordComponent")
record TinyMatrix(
    StorageType storage, double[][] values, int[][] nibbles, float[][] scales, int[][] zeros) {

  static TinyMatrix dense(int outputs, int inputs, StorageType storage, int fan, Random random) {
    double[][] values = new double[outputs][inputs];
    for (double[] row : values) {
      for (int i = 0; i < inputs; i++) {
        row[i] = rounded((float) (random.nextGaussian() / Math.sqrt(fan)), storage);
      }
    }
    return dense(storage, values);
  }

  static TinyMatrix dense(StorageType storage, double[][] values) {
    return new TinyMatrix(storage, values, new int[0][], new float[0][], new int[0][]);
  }

  /** One output a row, about 1: a norm or a bias. */
  static TinyMatrix vector(int length, StorageType storage, Random random) {
    double[][] values = new double[length][1];
    for (double[] row : values) {
      row[0] = rounded((float) (1 + random.nextGaussian() / 4), storage);
    }
    return dense(storage, values);
  }

  static TinyMatrix int4(int outputs, int inputs, Random random) {
    double[][] values = new double[outputs][inputs];
    int[][] nibbles = new int[outputs][inputs];
    float[][] scales = new float[outputs][inputs / 128];
    int[][] zeros = new int[outputs][inputs / 128];
    for (int o = 0; o < outputs; o++) {
      for (int i = 0; i < inputs; i++) {
        if (i % 128 == 0) {
          scales[o][i / 128] = (1 + random.nextInt(60)) / 4096f;
          zeros[o][i / 128] = 4 + random.nextInt(8);
        }
        nibbles[o][i] = random.nextInt(16);
        values[o][i] = (nibbles[o][i] - zeros[o][i / 128]) * (double) scales[o][i / 128];
      }
    }
    return new TinyMatrix(StorageType.INT4, values, nibbles, scales, zeros);
  }

  private static float rounded(float value, StorageType storage) {
    int bits = Float.floatToRawIntBits(value);
    return switch (storage) {
      case F32 -> value;
      case BF16 -> Float.intBitsToFloat(bits & 0xffff0000);
      case F16 ->
          Math.abs(value) < 0x1p-14f
              ? Math.copySign(((int) (Math.abs(value) * 0x1p24f)) * 0x1p-24f, value)
              : Float.intBitsToFloat(bits & 0xffffe000);
      case INT4 -> throw new IllegalArgumentException("int4 numbers are not rounded one by one");
    };
  }

  /** Writes a number that the storage type holds exactly. */
  static void put(ByteBuffer block, double value, StorageType storage) {
    int bits = Float.floatToRawIntBits((float) value);
    switch (storage) {
      case F32 -> block.putInt(bits);
      case BF16 -> block.putShort((short) (bits >>> 16));
      case F16 -> block.putShort(f16(value));
      case INT4 -> throw new IllegalArgumentException("int4 numbers are not written one by one");
    }
  }

  /** The bits of a number that float16 holds exactly. */
  static short f16(double value) {
    int bits = Float.floatToRawIntBits((float) value);
    int sign = (bits >>> 16) & 0x8000;
    if (Math.abs(value) < 0x1p-14) {
      return (short) (sign | (int) (Math.abs(value) * 0x1p24));
    }
    int exponent = ((bits >>> 23) & 0xff) - 112;
    return (short) (sign | (exponent << 10) | ((bits >>> 13) & 0x3ff));
  }
}
