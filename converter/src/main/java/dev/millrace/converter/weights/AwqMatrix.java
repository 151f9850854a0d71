package dev.millrace.converter.weights;

import dev.millrace.api.workspace.Int4Tile;
import dev.millrace.api.workspace.StorageType;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * AWQ's {@code gemm} packing: {@code qweight [inputs][outputs / 8]}, where nibble {@code i} of a
 * word is output {@code 0 2 4 6 1 3 5 7} of its eight, and zeros likewise. Layout:
 * casper-hansen/AutoAWQ, {@code awq/utils/packing_utils.py}.
 */
final class AwqMatrix implements Int4Matrix {
  /** Which nibble of a word holds each of its eight outputs. */
  private static final int[] NIBBLE_OF_OUTPUT = {0, 4, 1, 5, 2, 6, 3, 7};

  /** Input, within a step of 16 and for thread column 0, of each pair of nibbles of a tile word. */
  private static final int[] PAIR_INPUTS = {0, 8, 1, 9};

  private final PackedTensors tensors;

  AwqMatrix(PackedTensors tensors) {
    this.tensors = tensors;
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
    int at = tensors.qweight().offset(input) + (int) (output / 8) * 4;
    return (tensors.qweight().window(input).getInt(at) >>> shift(output)) & 15;
  }

  @Override
  public int zero(long output, long tile) throws IOException {
    long group = tile * Int4Tile.INPUTS / tensors.groupInputs();
    int at = tensors.qzeros().offset(group) + (int) (output / 8) * 4;
    return (tensors.qzeros().window(group).getInt(at) >>> shift(output)) & 15;
  }

  @Override
  public int scale(long output, long tile) throws IOException {
    long group = tile * Int4Tile.INPUTS / tensors.groupInputs();
    int at = tensors.scales().offset(group) + (int) output * 2;
    return tensors.scales().window(group).getShort(at) & 0xffff;
  }

  private static int shift(long output) {
    return NIBBLE_OF_OUTPUT[(int) (output % 8)] * 4;
  }

  /**
   * For eight outputs g of a row block, a step and a thread column c, the eight tile words are the
   * transpose, nibble by nibble, of eight source words: those of the step's inputs 2c, 2c+8, 2c+1
   * and 2c+9, at the block's outputs and at those eight further on.
   */
  @Override
  public void packNibbles(long output, long tile, ByteBuffer target, int position)
      throws IOException {
    int[] words = new int[Int4Tile.INPUTS * 8];
    gather(output, tile, words);
    int[] square = new int[8];
    for (int step = 0; step < 8; step++) {
      int half = position + step / 4 * 2048 + step % 4 * 4;
      for (int warp = 0; warp < 4; warp++) {
        for (int column = 0; column < 4; column++) {
          for (int i = 0; i < 8; i++) {
            int input = step * 16 + 2 * column + PAIR_INPUTS[i / 2];
            square[i] = words[input * 8 + 2 * warp + i % 2];
          }
          transpose(square);
          for (int g = 0; g < 8; g++) {
            int thread = 32 * warp + 4 * g + column;
            target.putInt(half + thread * 16, square[NIBBLE_OF_OUTPUT[g]]);
          }
        }
      }
    }
  }

  /** The eight words of 64 outputs, for each of the tile's inputs. */
  private void gather(long output, long tile, int[] words) throws IOException {
    for (int input = 0; input < Int4Tile.INPUTS; input++) {
      long row = tile * Int4Tile.INPUTS + input;
      ByteBuffer window = tensors.qweight().window(row);
      int at = tensors.qweight().offset(row) + (int) (output / 8) * 4;
      for (int i = 0; i < 8; i++) {
        words[input * 8 + i] = window.getInt(at + i * 4);
      }
    }
  }

  /** Swaps nibble j of word i with nibble i of word j, by halves, quarters and eighths. */
  private static void transpose(int[] m) {
    for (int i = 0; i < 4; i++) {
      swap(m, i, i + 4, 16, 0x0000ffff);
    }
    for (int i = 0; i < 2; i++) {
      swap(m, i, i + 2, 8, 0x00ff00ff);
      swap(m, i + 4, i + 6, 8, 0x00ff00ff);
    }
    for (int i = 0; i < 8; i += 2) {
      swap(m, i, i + 1, 4, 0x0f0f0f0f);
    }
  }

  private static void swap(int[] m, int low, int high, int shift, int mask) {
    int difference = ((m[low] >>> shift) ^ m[high]) & mask;
    m[high] ^= difference;
    m[low] ^= difference << shift;
  }
}
