package dev.millrace.engine.compute.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** Stored weights to float32, exactly, a register at a time. */
final class VectorWiden {
  private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(LANES.length() * Short.SIZE));

  /** 2^23: the float with these bits or'ed with a nibble v is 2^23 + v. */
  private static final int TWO_TO_23_BITS = 0x4b000000;

  private static final float TWO_TO_23 = 0x1p23f;

  private VectorWiden() {}

  static void bf16(short[] from, int fromStart, float[] to, int toStart, int count) {
    int step = LANES.length();
    for (int i = 0; i < count; i += step) {
      IntVector bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, from, fromStart + i)
                  .convertShape(VectorOperators.S2I, INTS, 0);
      bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(to, toStart + i);
    }
  }

  /**
   * Exponent and fraction move to their place in float32 (3 bits right from the upper half), and a
   * product with 2^112 makes up for the difference of the exponent biases, 127 - 15; subnormal
   * numbers come out right as well.
   */
  static void f16(short[] from, int fromStart, float[] to, int toStart, int count) {
    int step = LANES.length();
    for (int i = 0; i < count; i += step) {
      IntVector bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, from, fromStart + i)
                  .convertShape(VectorOperators.S2I, INTS, 0);
      bits.lanewise(VectorOperators.LSHL, 13)
          .and(0x8fffe000)
          .reinterpretAsFloats()
          .mul(0x1p112f)
          .intoArray(to, toStart + i);
    }
  }

  /**
   * Two rows of an int4 tile, which share their words: an output and the eighth after it. A word
   * holds for each four inputs, which go 16 apart: see {@link TileOrder}.
   *
   * @param first index of the rows' first word
   */
  static void tileRows(
      int[] tile,
      int first,
      float lowerScale,
      float lowerZero,
      float upperScale,
      float upperZero,
      float[] to,
      int lowerStart,
      int upperStart) {
    int step = LANES.length();
    // The nibble's float has 2^23 added: so has the zero, and the difference is exact.
    lowerZero += TWO_TO_23;
    upperZero += TWO_TO_23;
    for (int half = 0; half < 2; half++) {
      for (int i = 0; i < 16; i += step) {
        IntVector words = IntVector.fromArray(INTS, tile, first + half * 512 + i);
        int at = half * 64 + i;
        words
            .and(0xf)
            .or(TWO_TO_23_BITS)
            .reinterpretAsFloats()
            .sub(lowerZero)
            .mul(lowerScale)
            .intoArray(to, lowerStart + at);
        words
            .lanewise(VectorOperators.LSHR, 16)
            .and(0xf)
            .or(TWO_TO_23_BITS)
            .reinterpretAsFloats()
            .sub(lowerZero)
            .mul(lowerScale)
            .intoArray(to, lowerStart + at + 16);
        words
            .lanewise(VectorOperators.LSHR, 8)
            .and(0xf)
            .or(TWO_TO_23_BITS)
            .reinterpretAsFloats()
            .sub(lowerZero)
            .mul(lowerScale)
            .intoArray(to, lowerStart + at + 32);
        words
            .lanewise(VectorOperators.LSHR, 24)
            .and(0xf)
            .or(TWO_TO_23_BITS)
            .reinterpretAsFloats()
            .sub(lowerZero)
            .mul(lowerScale)
            .intoArray(to, lowerStart + at + 48);
        words
            .lanewise(VectorOperators.LSHR, 4)
            .and(0xf)
            .or(TWO_TO_23_BITS)
            .reinterpretAsFloats()
            .sub(upperZero)
            .mul(upperScale)
            .intoArray(to, upperStart + at);
        words
            .lanewise(VectorOperators.LSHR, 20)
            .and(0xf)
            .or(TWO_TO_23_BITS)
            .reinterpretAsFloats()
            .sub(upperZero)
            .mul(upperScale)
            .intoArray(to, upperStart + at + 16);
        words
            .lanewise(VectorOperators.LSHR, 12)
            .and(0xf)
            .or(TWO_TO_23_BITS)
            .reinterpretAsFloats()
            .sub(upperZero)
            .mul(upperScale)
            .intoArray(to, upperStart + at + 32);
        words
            .lanewise(VectorOperators.LSHR, 28)
            .and(0xf)
            .or(TWO_TO_23_BITS)
            .reinterpretAsFloats()
            .sub(upperZero)
            .mul(upperScale)
            .intoArray(to, upperStart + at + 48);
      }
    }
  }
}
