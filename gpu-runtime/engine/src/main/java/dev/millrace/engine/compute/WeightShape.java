package dev.millrace.engine.compute;

import java.util.Objects;

/**
 * Size, type and layout of a weight, or of a rank's part of one.
 *
 * @param type of the elements; of the scales where the layout is {@link WeightLayout#INT4_TILES}
 * @param layout how the elements lie
 * @param outputs rows of the matrix y = W x; 1 for a vector
 * @param inputs columns of it; the length of a vector
 * @param slabs equal runs of inputs stored one after the other; 1 unless the layout is {@link
 *     WeightLayout#INT4_TILES}
 */
public record WeightShape(DType type, WeightLayout layout, long outputs, long inputs, int slabs) {

  /** Outputs of an int4 tile. */
  public static final int TILE_OUTPUTS = 64;

  /** Inputs of an int4 tile, which share one scale and zero an output. */
  public static final int TILE_INPUTS = 128;

  /** Bytes of an int4 tile: 64 * 128 / 2 of nibbles, 64 * 4 of scales and zeros. */
  public static final int TILE_BYTES = 4352;

  public WeightShape {
    Objects.requireNonNull(type, "type");
    Objects.requireNonNull(layout, "layout");
    if (outputs < 1 || inputs < 1 || slabs < 1) {
      throw new IllegalArgumentException(
          "weight shape: expected outputs, inputs and slabs of at least 1, found %d, %d, %d"
              .formatted(outputs, inputs, slabs));
    }
    if (layout == WeightLayout.INT4_TILES) {
      if (outputs % TILE_OUTPUTS != 0 || inputs % ((long) slabs * TILE_INPUTS) != 0) {
        throw new IllegalArgumentException(
            "int4 weight: expected outputs in 64s and inputs in 128s per slab, found %d x %d in %d slabs"
                .formatted(outputs, inputs, slabs));
      }
      if (type == DType.F32) {
        throw new IllegalArgumentException("int4 weight: expected F16 or BF16 scales, found F32");
      }
    } else if (slabs != 1) {
      throw new IllegalArgumentException(
          "weight shape: expected 1 slab with layout %s, found %d".formatted(layout, slabs));
    }
  }

  /** A matrix whose outputs' weights are contiguous. */
  public static WeightShape outputMajor(DType type, long outputs, long inputs) {
    return new WeightShape(type, WeightLayout.OUTPUT_MAJOR, outputs, inputs, 1);
  }

  /** A matrix whose inputs' weights are contiguous. */
  public static WeightShape inputMajor(DType type, long outputs, long inputs) {
    return new WeightShape(type, WeightLayout.INPUT_MAJOR, outputs, inputs, 1);
  }

  /** A vector: a bias or the weights of a norm. */
  public static WeightShape vector(DType type, long length) {
    return new WeightShape(type, WeightLayout.OUTPUT_MAJOR, 1, length, 1);
  }

  /** Bytes as stored. */
  public long bytes() {
    if (layout == WeightLayout.INT4_TILES) {
      return outputs / TILE_OUTPUTS * (inputs / TILE_INPUTS) * TILE_BYTES;
    }
    return outputs * inputs * type.bytes();
  }
}
