package dev.millrace.engine.compute.kernel;

/**
 * Where things lie in an int4 tile of 64 outputs by 128 inputs, and the order in which its weights
 * are decoded. Of the 16 words that two rows have in each half, word 4 c + s holds the inputs 16 s
 * + 2 c + 0, 1, 8 and 9 of the half's 64. Decoding takes the first of these of all words, then the
 * second, and so on: whole registers, in an order that activations are put into as well, once for
 * all outputs.
 */
final class TileOrder {
  static final int OUTPUTS = 64;
  static final int INPUTS = 128;

  /** Index of the first word of scales and zeros. */
  static final int SCALES = 1024;

  private static final int PERIOD = 64;
  private static final int[] INPUT_OF_NIBBLE = {0, 1, 8, 9};

  /** Input of each place, within 64. */
  private static final int[] INPUT_OF_PLACE = inputOfPlace();

  private TileOrder() {}

  private static int[] inputOfPlace() {
    int[] inputs = new int[PERIOD];
    for (int place = 0; place < PERIOD; place++) {
      int word = place % 16;
      inputs[place] = 16 * (word % 4) + 2 * (word / 4) + INPUT_OF_NIBBLE[place / 16];
    }
    return inputs;
  }

  /** Index of the first word of a row and the eighth row after it. */
  static int firstWord(int row) {
    return row / 16 * 128 + row % 8 * 16;
  }

  static float scale(int scaleAndZero, boolean scalesAreF16) {
    return scalesAreF16 ? f16((short) scaleAndZero) : Float.intBitsToFloat(scaleAndZero << 16);
  }

  static float zero(int scaleAndZero) {
    return Float.intBitsToFloat(scaleAndZero & 0xffff0000) - 128;
  }

  /** Exactly; see {@link VectorWiden#f16}. */
  static float f16(short bits) {
    return Float.intBitsToFloat(bits << 13 & 0x8fffe000) * 0x1p112f;
  }

  /** As {@link Kernels#toTileOrder}. */
  static void permute(float[] x, int xStart, float[] to, int toStart, int count) {
    for (int block = 0; block < count; block += PERIOD) {
      for (int place = 0; place < PERIOD; place++) {
        to[toStart + block + place] = x[xStart + block + INPUT_OF_PLACE[place]];
      }
    }
  }
}
