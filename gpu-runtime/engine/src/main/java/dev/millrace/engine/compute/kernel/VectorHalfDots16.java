package dev.millrace.engine.compute.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Dot products of one row with weights of 16 bits, widened in registers: at batch 1 each weight is
 * used once, so writing it out widened and reading it back would cost as much as using it. The sums
 * are those of {@link VectorDots16}, bit by bit.
 */
final class VectorHalfDots16 {
  private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_512;
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_512;
  private static final VectorSpecies<Short> SHORTS = ShortVector.SPECIES_256;

  private VectorHalfDots16() {}

  /**
   * As {@link Kernels#dotsOfHalves}, for inputs in 16s.
   *
   * @param lanes 16 * 16 elements of scratch
   * @param sums 16 elements of scratch
   */
  static void dots(
      Matrix x,
      short[] w,
      int stride,
      boolean f16,
      int outputs,
      int inputs,
      Matrix y,
      boolean accumulate,
      float[] lanes,
      float[] sums) {
    for (int o = 0; o < outputs; o += 16) {
      if (f16) {
        f16(x, w, o * stride, stride, inputs, lanes);
      } else {
        bf16(x, w, o * stride, stride, inputs, lanes);
      }
      VectorDots16.fold(lanes, sums);
      int count = Math.min(16, outputs - o);
      VectorDots16.store(sums, 0, count, y.values, y.start + o, accumulate);
    }
  }

  /** See {@link VectorWiden#bf16}. */
  private static void bf16(Matrix x, short[] ws, int w0, int stride, int inputs, float[] lanes) {
    float[] xs = x.values;
    int x0 = x.start;
    FloatVector s0 = FloatVector.zero(LANES);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    FloatVector s4 = s0;
    FloatVector s5 = s0;
    FloatVector s6 = s0;
    FloatVector s7 = s0;
    FloatVector s8 = s0;
    FloatVector s9 = s0;
    FloatVector sa = s0;
    FloatVector sb = s0;
    FloatVector sc = s0;
    FloatVector sd = s0;
    FloatVector se = s0;
    FloatVector sf = s0;
    for (int i = 0; i < inputs; i += 16) {
      FloatVector u = FloatVector.fromArray(LANES, xs, x0 + i);
      int at = w0 + i;
      IntVector bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s0 = u.fma(bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), s0);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s1 = u.fma(bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), s1);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s2 = u.fma(bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), s2);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s3 = u.fma(bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), s3);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s4 = u.fma(bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), s4);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s5 = u.fma(bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), s5);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s6 = u.fma(bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), s6);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s7 = u.fma(bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), s7);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s8 = u.fma(bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), s8);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s9 = u.fma(bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), s9);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      sa = u.fma(bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), sa);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      sb = u.fma(bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), sb);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      sc = u.fma(bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), sc);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      sd = u.fma(bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), sd);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      se = u.fma(bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), se);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      sf = u.fma(bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats(), sf);
    }
    s0.intoArray(lanes, 0);
    s1.intoArray(lanes, 16);
    s2.intoArray(lanes, 32);
    s3.intoArray(lanes, 48);
    s4.intoArray(lanes, 64);
    s5.intoArray(lanes, 80);
    s6.intoArray(lanes, 96);
    s7.intoArray(lanes, 112);
    s8.intoArray(lanes, 128);
    s9.intoArray(lanes, 144);
    sa.intoArray(lanes, 160);
    sb.intoArray(lanes, 176);
    sc.intoArray(lanes, 192);
    sd.intoArray(lanes, 208);
    se.intoArray(lanes, 224);
    sf.intoArray(lanes, 240);
  }

  /** See {@link VectorWiden#f16}. */
  private static void f16(Matrix x, short[] ws, int w0, int stride, int inputs, float[] lanes) {
    float[] xs = x.values;
    int x0 = x.start;
    FloatVector s0 = FloatVector.zero(LANES);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    FloatVector s4 = s0;
    FloatVector s5 = s0;
    FloatVector s6 = s0;
    FloatVector s7 = s0;
    FloatVector s8 = s0;
    FloatVector s9 = s0;
    FloatVector sa = s0;
    FloatVector sb = s0;
    FloatVector sc = s0;
    FloatVector sd = s0;
    FloatVector se = s0;
    FloatVector sf = s0;
    for (int i = 0; i < inputs; i += 16) {
      FloatVector u = FloatVector.fromArray(LANES, xs, x0 + i);
      int at = w0 + i;
      IntVector bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s0 =
          u.fma(
              bits.lanewise(VectorOperators.LSHL, 13)
                  .and(0x8fffe000)
                  .reinterpretAsFloats()
                  .mul(0x1p112f),
              s0);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s1 =
          u.fma(
              bits.lanewise(VectorOperators.LSHL, 13)
                  .and(0x8fffe000)
                  .reinterpretAsFloats()
                  .mul(0x1p112f),
              s1);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s2 =
          u.fma(
              bits.lanewise(VectorOperators.LSHL, 13)
                  .and(0x8fffe000)
                  .reinterpretAsFloats()
                  .mul(0x1p112f),
              s2);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s3 =
          u.fma(
              bits.lanewise(VectorOperators.LSHL, 13)
                  .and(0x8fffe000)
                  .reinterpretAsFloats()
                  .mul(0x1p112f),
              s3);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s4 =
          u.fma(
              bits.lanewise(VectorOperators.LSHL, 13)
                  .and(0x8fffe000)
                  .reinterpretAsFloats()
                  .mul(0x1p112f),
              s4);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s5 =
          u.fma(
              bits.lanewise(VectorOperators.LSHL, 13)
                  .and(0x8fffe000)
                  .reinterpretAsFloats()
                  .mul(0x1p112f),
              s5);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s6 =
          u.fma(
              bits.lanewise(VectorOperators.LSHL, 13)
                  .and(0x8fffe000)
                  .reinterpretAsFloats()
                  .mul(0x1p112f),
              s6);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s7 =
          u.fma(
              bits.lanewise(VectorOperators.LSHL, 13)
                  .and(0x8fffe000)
                  .reinterpretAsFloats()
                  .mul(0x1p112f),
              s7);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s8 =
          u.fma(
              bits.lanewise(VectorOperators.LSHL, 13)
                  .and(0x8fffe000)
                  .reinterpretAsFloats()
                  .mul(0x1p112f),
              s8);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      s9 =
          u.fma(
              bits.lanewise(VectorOperators.LSHL, 13)
                  .and(0x8fffe000)
                  .reinterpretAsFloats()
                  .mul(0x1p112f),
              s9);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      sa =
          u.fma(
              bits.lanewise(VectorOperators.LSHL, 13)
                  .and(0x8fffe000)
                  .reinterpretAsFloats()
                  .mul(0x1p112f),
              sa);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      sb =
          u.fma(
              bits.lanewise(VectorOperators.LSHL, 13)
                  .and(0x8fffe000)
                  .reinterpretAsFloats()
                  .mul(0x1p112f),
              sb);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      sc =
          u.fma(
              bits.lanewise(VectorOperators.LSHL, 13)
                  .and(0x8fffe000)
                  .reinterpretAsFloats()
                  .mul(0x1p112f),
              sc);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      sd =
          u.fma(
              bits.lanewise(VectorOperators.LSHL, 13)
                  .and(0x8fffe000)
                  .reinterpretAsFloats()
                  .mul(0x1p112f),
              sd);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      se =
          u.fma(
              bits.lanewise(VectorOperators.LSHL, 13)
                  .and(0x8fffe000)
                  .reinterpretAsFloats()
                  .mul(0x1p112f),
              se);
      at += stride;
      bits =
          (IntVector)
              ShortVector.fromArray(SHORTS, ws, at).convertShape(VectorOperators.S2I, INTS, 0);
      sf =
          u.fma(
              bits.lanewise(VectorOperators.LSHL, 13)
                  .and(0x8fffe000)
                  .reinterpretAsFloats()
                  .mul(0x1p112f),
              sf);
    }
    s0.intoArray(lanes, 0);
    s1.intoArray(lanes, 16);
    s2.intoArray(lanes, 32);
    s3.intoArray(lanes, 48);
    s4.intoArray(lanes, 64);
    s5.intoArray(lanes, 80);
    s6.intoArray(lanes, 96);
    s7.intoArray(lanes, 112);
    s8.intoArray(lanes, 128);
    s9.intoArray(lanes, 144);
    sa.intoArray(lanes, 160);
    sb.intoArray(lanes, 176);
    sc.intoArray(lanes, 192);
    sd.intoArray(lanes, 208);
    se.intoArray(lanes, 224);
    sf.intoArray(lanes, 240);
  }
}
