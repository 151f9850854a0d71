package dev.millrace.api.workspace;

/**
 * Where things are in an int4 tile: 64 outputs x 128 inputs in 4352 bytes, laid out so that the 16
 * bytes a GPU thread loads are its tensor-core fragment.
 *
 * <ul>
 *   <li>bytes 0 to 2047 hold the steps 0 to 3 of 16 inputs each, bytes 2048 to 4095 the steps 4 to
 *       7; thread {@code t} of 128 owns 16 bytes at {@code 16 t} of each half, one u32 per step
 *   <li>with {@code w = t / 32, g = t % 32 / 4, c = t % 4}, row {@code r = 16 w + g} and the step's
 *       inputs counted from 0, the nibbles of a u32 are, from the lowest: {@code (r, 2c) (r+8, 2c)
 *       (r, 2c+8) (r+8, 2c+8) (r, 2c+1) (r+8, 2c+1) (r, 2c+9) (r+8, 2c+9)}
 *   <li>bytes 4096 to 4351 hold 64 u32, one per output: the scale in the tensor's own 16-bit scale
 *       type in the low half, {@code bf16(128 + zero)} in the high half
 * </ul>
 *
 * A weight is {@code (nibble - zero) * scale}, exact in float32.
 */
public final class Int4Tile {
  /** Outputs of a tile. */
  public static final int OUTPUTS = 64;

  /** Inputs of a tile, which share one scale and zero per output. */
  public static final int INPUTS = 128;

  /** Bytes of a tile. */
  public static final int BYTES = 4352;

  /** Where the 64 u32 of scales and zeros begin. */
  public static final int SCALES_OFFSET = 4096;

  private Int4Tile() {}

  /** Byte offset in the tile of the u32 that holds a weight. */
  public static int wordOffset(int output, int input) {
    int step = input / 16;
    int within = input % 16;
    int thread = output / 16 * 32 + output % 8 * 4 + within % 8 / 2;
    return step / 4 * 2048 + thread * 16 + step % 4 * 4;
  }

  /** How far to shift that u32 right to have the weight in its lowest four bits. */
  public static int shift(int output, int input) {
    int nibble = output % 16 / 8 + input % 16 / 8 * 2 + input % 2 * 4;
    return nibble * 4;
  }

  /** The high half of a scale word: {@code bf16(128 + zero)}, exact for zeros of 0 to 127. */
  public static int zeroBits(int zero) {
    return Float.floatToRawIntBits(128 + zero) >>> 16;
  }

  /** The zero of a scale word. */
  public static int zero(int scaleWord) {
    return (int) Float.intBitsToFloat(scaleWord & 0xffff0000) - 128;
  }
}
