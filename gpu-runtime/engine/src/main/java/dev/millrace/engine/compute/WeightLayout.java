package dev.millrace.engine.compute;

/** How the elements of a weight lie in memory. */
public enum WeightLayout {
  /** Row-major (outputs, inputs): each output's weights are contiguous. Vectors have one output. */
  OUTPUT_MAJOR,
  /** Row-major (inputs, outputs): each input's weights are contiguous. */
  INPUT_MAJOR,
  /**
   * Four-bit tiles of 64 outputs by 128 inputs, {@link WeightShape#TILE_BYTES} bytes each. The
   * inputs are cut into equal slabs; within a slab the rows of tiles follow each other, 64 outputs
   * each, and within a row of tiles its tiles in the order of the inputs. A tile is
   *
   * <ul>
   *   <li>bytes 0 to 2047: input steps 0 to 3 (16 inputs each), bytes 2048 to 4095: steps 4 to 7.
   *       In each half, thread t of 128 (warp w = t / 32, g = t % 32 / 4, c = t % 4) owns the 16
   *       bytes at 16 t: one little-endian u32 for each of its four steps s. Nibble j (bits 4 j to
   *       4 j + 3) holds, with r = 16 w + g and k = 16 s + 2 c: 0 (r, k), 4 (r, k + 1), 1 (r + 8,
   *       k), 5 (r + 8, k + 1), 2 (r, k + 8), 6 (r, k + 9), 3 (r + 8, k + 8), 7 (r + 8, k + 9).
   *   <li>bytes 4096 to 4351: one u32 an output: the scale in the low half, in {@link
   *       WeightShape#type()}, and bf16(128 + zero) in the high half.
   * </ul>
   *
   * <p>The weight is scale * (nibble - zero).
   */
  INT4_TILES
}
