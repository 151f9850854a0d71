package dev.millrace.engine.compute.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Dot products with 16 lanes along the inputs: lane i sums the terms i, i + 16, i + 32 and so on,
 * then lanes are added in halves (i and i + 8, i and i + 4, i and i + 2, neighbours). So each sum
 * has one order, whichever tile it is computed in.
 *
 * <p>Sixteen sums are folded together, two into one register at each halving: 4 instructions a sum
 * where reducing each by itself takes 15 scalar additions, which cost a third of the speed at 576
 * inputs. Written out by hand: a helper that the compiler does not inline would box its vectors.
 */
final class VectorDots16 {
  private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_512;

  private static final VectorMask<Float> UPPER_8 = lanesWithBit(8);
  private static final VectorMask<Float> UPPER_4 = lanesWithBit(4);
  private static final VectorMask<Float> UPPER_2 = lanesWithBit(2);
  private static final VectorMask<Float> UPPER_1 = lanesWithBit(1);
  private static final VectorShuffle<Float> SWAP_8 = VectorShuffle.fromOp(LANES, i -> i ^ 8);
  private static final VectorShuffle<Float> SWAP_4 = VectorShuffle.fromOp(LANES, i -> i ^ 4);
  private static final VectorShuffle<Float> SWAP_2 = VectorShuffle.fromOp(LANES, i -> i ^ 2);
  private static final VectorShuffle<Float> SWAP_1 = VectorShuffle.fromOp(LANES, i -> i ^ 1);

  private VectorDots16() {}

  private static VectorMask<Float> lanesWithBit(int bit) {
    boolean[] lanes = new boolean[16];
    for (int i = 0; i < 16; i++) {
      lanes[i] = (i & bit) != 0;
    }
    return VectorMask.fromArray(LANES, lanes, 0);
  }

  /**
   * As {@link Kernels#dots}, for inputs in 16s.
   *
   * @param lanes 16 * 16 elements of scratch
   * @param sums 16 elements of scratch
   */
  static void dots(
      Matrix x,
      int rows,
      Matrix w,
      int outputs,
      int inputs,
      Matrix y,
      boolean accumulate,
      float[] lanes,
      float[] sums) {
    if (rows == 1) {
      for (int o = 0; o < outputs; o += 16) {
        oneBySixteen(x, w, o, inputs, lanes);
        fold(lanes, sums);
        store(sums, 0, Math.min(16, outputs - o), y.values, y.start + o, accumulate);
      }
      return;
    }
    for (int r = 0; r < rows; r += 4) {
      for (int o = 0; o < outputs; o += 4) {
        fourByFour(x, r, rows, w, o, inputs, sums);
        int count = Math.min(4, outputs - o);
        for (int i = 0; i < Math.min(4, rows - r); i++) {
          store(sums, 4 * i, count, y.values, y.row(r + i) + o, accumulate);
        }
      }
    }
  }

  static void store(float[] sums, int first, int count, float[] y, int start, boolean accumulate) {
    if (accumulate) {
      for (int i = 0; i < count; i++) {
        y[start + i] += sums[first + i];
      }
    } else {
      for (int i = 0; i < count; i++) {
        y[start + i] = sums[first + i];
      }
    }
  }

  /** Rows past the end repeat the last one; their sums are not stored. */
  private static void fourByFour(
      Matrix x, int row, int rows, Matrix w, int output, int inputs, float[] sums) {
    float[] xs = x.values;
    int x0 = x.row(row);
    int x1 = x.row(Math.min(row + 1, rows - 1));
    int x2 = x.row(Math.min(row + 2, rows - 1));
    int x3 = x.row(Math.min(row + 3, rows - 1));
    float[] ws = w.values;
    int w0 = w.row(output);
    int w1 = w.row(output + 1);
    int w2 = w.row(output + 2);
    int w3 = w.row(output + 3);
    FloatVector s00 = FloatVector.zero(LANES);
    FloatVector s01 = s00;
    FloatVector s02 = s00;
    FloatVector s03 = s00;
    FloatVector s10 = s00;
    FloatVector s11 = s00;
    FloatVector s12 = s00;
    FloatVector s13 = s00;
    FloatVector s20 = s00;
    FloatVector s21 = s00;
    FloatVector s22 = s00;
    FloatVector s23 = s00;
    FloatVector s30 = s00;
    FloatVector s31 = s00;
    FloatVector s32 = s00;
    FloatVector s33 = s00;
    for (int i = 0; i < inputs; i += 16) {
      FloatVector v0 = FloatVector.fromArray(LANES, ws, w0 + i);
      FloatVector v1 = FloatVector.fromArray(LANES, ws, w1 + i);
      FloatVector v2 = FloatVector.fromArray(LANES, ws, w2 + i);
      FloatVector v3 = FloatVector.fromArray(LANES, ws, w3 + i);
      FloatVector u = FloatVector.fromArray(LANES, xs, x0 + i);
      s00 = u.fma(v0, s00);
      s01 = u.fma(v1, s01);
      s02 = u.fma(v2, s02);
      s03 = u.fma(v3, s03);
      u = FloatVector.fromArray(LANES, xs, x1 + i);
      s10 = u.fma(v0, s10);
      s11 = u.fma(v1, s11);
      s12 = u.fma(v2, s12);
      s13 = u.fma(v3, s13);
      u = FloatVector.fromArray(LANES, xs, x2 + i);
      s20 = u.fma(v0, s20);
      s21 = u.fma(v1, s21);
      s22 = u.fma(v2, s22);
      s23 = u.fma(v3, s23);
      u = FloatVector.fromArray(LANES, xs, x3 + i);
      s30 = u.fma(v0, s30);
      s31 = u.fma(v1, s31);
      s32 = u.fma(v2, s32);
      s33 = u.fma(v3, s33);
    }
    s00 = s00.blend(s20, UPPER_8).add(s20.blend(s00, UPPER_8).rearrange(SWAP_8));
    s01 = s01.blend(s21, UPPER_8).add(s21.blend(s01, UPPER_8).rearrange(SWAP_8));
    s02 = s02.blend(s22, UPPER_8).add(s22.blend(s02, UPPER_8).rearrange(SWAP_8));
    s03 = s03.blend(s23, UPPER_8).add(s23.blend(s03, UPPER_8).rearrange(SWAP_8));
    s10 = s10.blend(s30, UPPER_8).add(s30.blend(s10, UPPER_8).rearrange(SWAP_8));
    s11 = s11.blend(s31, UPPER_8).add(s31.blend(s11, UPPER_8).rearrange(SWAP_8));
    s12 = s12.blend(s32, UPPER_8).add(s32.blend(s12, UPPER_8).rearrange(SWAP_8));
    s13 = s13.blend(s33, UPPER_8).add(s33.blend(s13, UPPER_8).rearrange(SWAP_8));
    s00 = s00.blend(s10, UPPER_4).add(s10.blend(s00, UPPER_4).rearrange(SWAP_4));
    s01 = s01.blend(s11, UPPER_4).add(s11.blend(s01, UPPER_4).rearrange(SWAP_4));
    s02 = s02.blend(s12, UPPER_4).add(s12.blend(s02, UPPER_4).rearrange(SWAP_4));
    s03 = s03.blend(s13, UPPER_4).add(s13.blend(s03, UPPER_4).rearrange(SWAP_4));
    s00 = s00.blend(s02, UPPER_2).add(s02.blend(s00, UPPER_2).rearrange(SWAP_2));
    s01 = s01.blend(s03, UPPER_2).add(s03.blend(s01, UPPER_2).rearrange(SWAP_2));
    s00 = s00.blend(s01, UPPER_1).add(s01.blend(s00, UPPER_1).rearrange(SWAP_1));
    s00.intoArray(sums, 0);
  }

  private static void oneBySixteen(Matrix x, Matrix w, int output, int inputs, float[] lanes) {
    float[] xs = x.values;
    int x0 = x.start;
    float[] ws = w.values;
    int w0 = w.row(output);
    int stride = w.stride;
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
      s0 = u.fma(FloatVector.fromArray(LANES, ws, at), s0);
      at += stride;
      s1 = u.fma(FloatVector.fromArray(LANES, ws, at), s1);
      at += stride;
      s2 = u.fma(FloatVector.fromArray(LANES, ws, at), s2);
      at += stride;
      s3 = u.fma(FloatVector.fromArray(LANES, ws, at), s3);
      at += stride;
      s4 = u.fma(FloatVector.fromArray(LANES, ws, at), s4);
      at += stride;
      s5 = u.fma(FloatVector.fromArray(LANES, ws, at), s5);
      at += stride;
      s6 = u.fma(FloatVector.fromArray(LANES, ws, at), s6);
      at += stride;
      s7 = u.fma(FloatVector.fromArray(LANES, ws, at), s7);
      at += stride;
      s8 = u.fma(FloatVector.fromArray(LANES, ws, at), s8);
      at += stride;
      s9 = u.fma(FloatVector.fromArray(LANES, ws, at), s9);
      at += stride;
      sa = u.fma(FloatVector.fromArray(LANES, ws, at), sa);
      at += stride;
      sb = u.fma(FloatVector.fromArray(LANES, ws, at), sb);
      at += stride;
      sc = u.fma(FloatVector.fromArray(LANES, ws, at), sc);
      at += stride;
      sd = u.fma(FloatVector.fromArray(LANES, ws, at), sd);
      at += stride;
      se = u.fma(FloatVector.fromArray(LANES, ws, at), se);
      at += stride;
      sf = u.fma(FloatVector.fromArray(LANES, ws, at), sf);
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

  /**
   * Folds 16 registers to their sums.
   *
   * @param lanes 16 times 16 lanes
   * @param sums takes the 16 sums
   */
  static void fold(float[] lanes, float[] sums) {
    FloatVector s0 = FloatVector.fromArray(LANES, lanes, 0);
    FloatVector s1 = FloatVector.fromArray(LANES, lanes, 16);
    FloatVector s2 = FloatVector.fromArray(LANES, lanes, 32);
    FloatVector s3 = FloatVector.fromArray(LANES, lanes, 48);
    FloatVector s4 = FloatVector.fromArray(LANES, lanes, 64);
    FloatVector s5 = FloatVector.fromArray(LANES, lanes, 80);
    FloatVector s6 = FloatVector.fromArray(LANES, lanes, 96);
    FloatVector s7 = FloatVector.fromArray(LANES, lanes, 112);
    FloatVector s8 = FloatVector.fromArray(LANES, lanes, 128);
    FloatVector s9 = FloatVector.fromArray(LANES, lanes, 144);
    FloatVector sa = FloatVector.fromArray(LANES, lanes, 160);
    FloatVector sb = FloatVector.fromArray(LANES, lanes, 176);
    FloatVector sc = FloatVector.fromArray(LANES, lanes, 192);
    FloatVector sd = FloatVector.fromArray(LANES, lanes, 208);
    FloatVector se = FloatVector.fromArray(LANES, lanes, 224);
    FloatVector sf = FloatVector.fromArray(LANES, lanes, 240);
    s0 = s0.blend(s8, UPPER_8).add(s8.blend(s0, UPPER_8).rearrange(SWAP_8));
    s1 = s1.blend(s9, UPPER_8).add(s9.blend(s1, UPPER_8).rearrange(SWAP_8));
    s2 = s2.blend(sa, UPPER_8).add(sa.blend(s2, UPPER_8).rearrange(SWAP_8));
    s3 = s3.blend(sb, UPPER_8).add(sb.blend(s3, UPPER_8).rearrange(SWAP_8));
    s4 = s4.blend(sc, UPPER_8).add(sc.blend(s4, UPPER_8).rearrange(SWAP_8));
    s5 = s5.blend(sd, UPPER_8).add(sd.blend(s5, UPPER_8).rearrange(SWAP_8));
    s6 = s6.blend(se, UPPER_8).add(se.blend(s6, UPPER_8).rearrange(SWAP_8));
    s7 = s7.blend(sf, UPPER_8).add(sf.blend(s7, UPPER_8).rearrange(SWAP_8));
    s0 = s0.blend(s4, UPPER_4).add(s4.blend(s0, UPPER_4).rearrange(SWAP_4));
    s1 = s1.blend(s5, UPPER_4).add(s5.blend(s1, UPPER_4).rearrange(SWAP_4));
    s2 = s2.blend(s6, UPPER_4).add(s6.blend(s2, UPPER_4).rearrange(SWAP_4));
    s3 = s3.blend(s7, UPPER_4).add(s7.blend(s3, UPPER_4).rearrange(SWAP_4));
    s0 = s0.blend(s2, UPPER_2).add(s2.blend(s0, UPPER_2).rearrange(SWAP_2));
    s1 = s1.blend(s3, UPPER_2).add(s3.blend(s1, UPPER_2).rearrange(SWAP_2));
    s0 = s0.blend(s1, UPPER_1).add(s1.blend(s0, UPPER_1).rearrange(SWAP_1));
    s0.intoArray(sums, 0);
  }
}
