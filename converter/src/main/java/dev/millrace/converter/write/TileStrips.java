package dev.millrace.converter.write;

import dev.millrace.api.workspace.Int4Tile;
import dev.millrace.api.workspace.StripSource;
import dev.millrace.converter.weights.FusedRows;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Strips of an int4 tensor: within each slab of inputs, blocks of 64 outputs, in each its tiles. An
 * output-major tensor is one slab.
 */
final class TileStrips implements StripSource {
  private final Tiles tiles;
  private final long blocks;
  private final int slabTiles;

  /**
   * Describes the strips.
   *
   * @param inputs of the tensor, padding included
   */
  TileStrips(FusedRows rows, long inputs, int slabs) {
    this.tiles = new Tiles(rows);
    this.blocks = rows.outputs() / Int4Tile.OUTPUTS;
    this.slabTiles = Math.toIntExact(inputs / slabs / Int4Tile.INPUTS);
  }

  @Override
  public void fill(long firstStrip, int strips, ByteBuffer target) throws IOException {
    int start = target.position();
    int stripBytes = slabTiles * Int4Tile.BYTES;
    int done = 0;
    while (done < strips) {
      long slab = (firstStrip + done) / blocks;
      long block = (firstStrip + done) % blocks;
      int here = (int) Math.min(strips - done, blocks - block);
      // tile by tile over all blocks: packed sources lie along outputs
      for (int tile = 0; tile < slabTiles; tile++) {
        for (int i = 0; i < here; i++) {
          int position = start + (done + i) * stripBytes + tile * Int4Tile.BYTES;
          tiles.write(block + i, slab * slabTiles + tile, target, position);
        }
      }
      done += here;
    }
    target.position(start + strips * stripBytes);
  }
}
