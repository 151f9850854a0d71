package dev.millrace.converter.weights;

import dev.millrace.api.workspace.Int4Tile;
import dev.millrace.api.workspace.StorageType;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * GPTQ's packing: {@code qweight [inputs / 8][outputs]}, nibble {@code i} of a word is input {@code
 * 8 row + i}; zeros are {@code [groups][outputs / 8]} in order. Version 1 stores zeros less one,
 * modulo 16. Layout: AutoGPTQ/AutoGPTQ, {@code qlinear_cuda_old.py}; version 2:
 * ModelCloud/GPTQModel.
 */
final class GptqMatrix implements Int4Matrix {
  private final PackedTensors tensors;
  private final int zeroOffset;

  /**
   * Wraps tensors.
   *
   * @param zeroOffset 1 if zeros are stored less one (version 1), else 0
   */
  GptqMatrix(PackedTensors tensors, int zeroOffset) {
    this.tensors = tensors;
    this.zeroOffset = zeroOffset;
  }

  @Override
  public long outputs() {
    return tensors.outputs();
  }

  @Override
  public long inputs() {
    return tensors.inputs();
  }

  @Override
  public StorageType scaleType() {
    return tensors.scaleType();
  }

  @Override
  public int nibble(long output, long input) throws IOException {
    return (word(input / 8, output) >>> ((int) (input % 8) * 4)) & 15;
  }

  @Override
  public int zero(long output, long tile) throws IOException {
    long group = tile * Int4Tile.INPUTS / tensors.groupInputs();
    int at = tensors.qzeros().offset(group) + (int) (output / 8) * 4;
    int stored = tensors.qzeros().window(group).getInt(at) >>> ((int) (output % 8) * 4);
    return (stored + zeroOffset) & 15;
  }

  @Override
  public int scale(long output, long tile) throws IOException {
    long group = tile * Int4Tile.INPUTS / tensors.groupInputs();
    int at = tensors.scales().offset(group) + (int) output * 2;
    return tensors.scales().window(group).getShort(at) & 0xffff;
  }

  /** A tile word takes one byte, two neighbouring inputs, from each of four source words. */
  @Override
  public void packNibbles(long output, long tile, ByteBuffer target, int position)
      throws IOException {
    for (int step = 0; step < 8; step++) {
      long row = tile * (Int4Tile.INPUTS / 8) + 2L * step;
      int half = position + step / 4 * 2048 + step % 4 * 4;
      for (int warp = 0; warp < 4; warp++) {
        for (int g = 0; g < 8; g++) {
          long r = output + 16L * warp + g;
          int near = word(row, r);
          int nearBelow = word(row, r + 8);
          int far = word(row + 1, r);
          int farBelow = word(row + 1, r + 8);
          for (int column = 0; column < 4; column++) {
            int shift = 8 * column;
            int thread = 32 * warp + 4 * g + column;
            int packed =
                spread(near >>> shift)
                    | (spread(nearBelow >>> shift) << 4)
                    | (spread(far >>> shift) << 8)
                    | (spread(farBelow >>> shift) << 12);
            target.putInt(half + thread * 16, packed);
          }
        }
      }
    }
  }

  private int word(long row, long output) throws IOException {
    return tensors.qweight().window(row).getInt(tensors.qweight().offset(row) + (int) output * 4);
  }

  /** The two nibbles of a byte, 16 bits apart. */
  private static int spread(int bits) {
    return (bits & 15) | ((bits & 0xf0) << 12);
  }
}
