package dev.millrace.converter.weights;

import dev.millrace.api.workspace.Int4Tile;
import dev.millrace.api.workspace.StorageType;
import java.nio.ByteBuffer;

/** A packed matrix of random numbers by tile: a tile's 4096 bytes are a run of the counter. */
final class RandomInt4 implements Int4Matrix {
  private static final int TILE_LONGS = Int4Tile.SCALES_OFFSET / Long.BYTES;

  private final Counter numbers;
  private final Counter scales;
  private final Gaussian scaleValues;
  private final StorageType scaleType;
  private final long outputs;
  private final long inputs;
  private final boolean symmetric;

  RandomInt4(
      Counter numbers,
      Counter scales,
      Gaussian scaleValues,
      StorageType scaleType,
      long outputs,
      long inputs,
      boolean symmetric) {
    this.numbers = numbers;
    this.scales = scales;
    this.scaleValues = scaleValues;
    this.scaleType = scaleType;
    this.outputs = outputs;
    this.inputs = inputs;
    this.symmetric = symmetric;
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
  public StorageType scaleType() {
    return scaleType;
  }

  @Override
  public int nibble(long output, long input) {
    long tile = tileIndex(output, input / Int4Tile.INPUTS);
    int row = (int) (output % Int4Tile.OUTPUTS);
    int within = (int) (input % Int4Tile.INPUTS);
    int at = Int4Tile.wordOffset(row, within);
    long bits = numbers.bits(tile * TILE_LONGS + at / Long.BYTES);
    return (int) (bits >>> (at % Long.BYTES * 8 + Int4Tile.shift(row, within))) & 15;
  }

  /** Eight, the middle, if symmetric; seven or eight otherwise. */
  @Override
  public int zero(long output, long tile) {
    return symmetric ? 8 : 7 + (int) (scaleBits(output, tile) >>> 63);
  }

  @Override
  public int scale(long output, long tile) {
    return scaleValues.element(scaleBits(output, tile));
  }

  @Override
  public void packNibbles(long output, long tile, ByteBuffer target, int position) {
    if (output % Int4Tile.OUTPUTS != 0) {
      throw new IllegalArgumentException("output: expected a multiple of 64, found " + output);
    }
    long first = tileIndex(output, tile) * TILE_LONGS;
    for (int i = 0; i < TILE_LONGS; i++) {
      target.putLong(position + i * Long.BYTES, numbers.bits(first + i));
    }
  }

  private long scaleBits(long output, long tile) {
    return scales.bits(tile * outputs + output);
  }

  private long tileIndex(long output, long tile) {
    long tiles = (inputs + Int4Tile.INPUTS - 1) / Int4Tile.INPUTS;
    return output / Int4Tile.OUTPUTS * tiles + tile;
  }
}
