package dev.millrace.converter.weights;

import dev.millrace.api.workspace.Int4Tile;
import dev.millrace.api.workspace.StorageType;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A matrix of four-bit numbers with a scale and a zero per output and run of 128 inputs: a weight
 * is {@code (nibble - zero) * scale}. Thread-safe.
 */
public interface Int4Matrix extends Matrix {

  /** Type of the scales: F16 or BF16. */
  StorageType scaleType();

  /** The number at a place, 0 to 15. */
  int nibble(long output, long input) throws IOException;

  /** The zero of an output's run of 128 inputs, 0 to 15. */
  int zero(long output, long tile) throws IOException;

  /** The bits of the scale of an output's run of 128 inputs. */
  int scale(long output, long tile) throws IOException;

  /**
   * Writes the 4096 bytes of numbers of a tile that lies wholly inside the matrix, see {@link
   * Int4Tile}.
   *
   * @param output first of its 64 outputs, a multiple of 8
   * @param tile index of its run of 128 inputs
   * @param target buffer to write into
   * @param position where the tile begins in it; the buffer's position is not moved
   */
  void packNibbles(long output, long tile, ByteBuffer target, int position) throws IOException;
}
