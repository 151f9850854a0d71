package dev.millrace.engine.compute.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Elementwise loops and sums of rows, in registers; the elements left over at the end of a row are
 * done by {@link PlainMath}. Where an element lies in its row decides which of the two does it, so
 * a row always gives the same bits.
 */
final class VectorMath {
  private static final VectorSpecies<Float> LANES = FloatVector.SPECIES_PREFERRED;

  private VectorMath() {}

  static float sumOfSquares(float[] x, int start, int count, float[] lanes) {
    FloatVector sum = FloatVector.zero(LANES);
    int whole = LANES.loopBound(count);
    for (int i = 0; i < whole; i += LANES.length()) {
      FloatVector v = FloatVector.fromArray(LANES, x, start + i);
      sum = v.fma(v, sum);
    }
    sum.intoArray(lanes, 0);
    return sumOfLanes(lanes) + PlainMath.sumOfSquares(x, start + whole, count - whole);
  }

  private static float sumOfLanes(float[] lanes) {
    for (int half = LANES.length() / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        lanes[i] += lanes[i + half];
      }
    }
    return lanes[0];
  }

  static void scale(
      float[] x, int xStart, float factor, float[] weight, float[] y, int yStart, int count) {
    int whole = LANES.loopBound(count);
    for (int i = 0; i < whole; i += LANES.length()) {
      FloatVector.fromArray(LANES, x, xStart + i)
          .mul(factor)
          .mul(FloatVector.fromArray(LANES, weight, i))
          .intoArray(y, yStart + i);
    }
    for (int i = whole; i < count; i++) {
      y[yStart + i] = x[xStart + i] * factor * weight[i];
    }
  }

  static void add(float[] x, int xStart, float[] y, int yStart, int count) {
    int whole = LANES.loopBound(count);
    for (int i = 0; i < whole; i += LANES.length()) {
      FloatVector.fromArray(LANES, x, xStart + i)
          .add(FloatVector.fromArray(LANES, y, yStart + i))
          .intoArray(x, xStart + i);
    }
    PlainMath.add(x, xStart + whole, y, yStart + whole, count - whole);
  }

  static float max(float[] x, int start, int count, float[] lanes) {
    int whole = LANES.loopBound(count);
    if (whole == 0) {
      return PlainMath.max(x, start, count);
    }
    FloatVector greatest = FloatVector.fromArray(LANES, x, start);
    for (int i = LANES.length(); i < whole; i += LANES.length()) {
      greatest = greatest.max(FloatVector.fromArray(LANES, x, start + i));
    }
    greatest.intoArray(lanes, 0);
    float max = PlainMath.max(lanes, 0, LANES.length());
    return whole == count ? max : Math.max(max, PlainMath.max(x, start + whole, count - whole));
  }

  /** As {@link Kernels#exponentials}; the steps are those of {@link PlainMath#exp}. */
  static float exponentials(
      float[] x, int start, int count, float max, float scale, float[] lanes) {
    FloatVector sum = FloatVector.zero(LANES);
    int whole = LANES.loopBound(count);
    for (int i = 0; i < whole; i += LANES.length()) {
      FloatVector v = FloatVector.fromArray(LANES, x, start + i).sub(max).mul(scale);
      FloatVector shifted = v.mul(PlainMath.LOG2_E).add(PlainMath.ROUNDER);
      FloatVector n = shifted.sub(PlainMath.ROUNDER);
      FloatVector r = v.sub(n.mul(PlainMath.LN2_HIGH)).sub(n.mul(PlainMath.LN2_LOW));
      FloatVector p = r.mul(PlainMath.C6).add(PlainMath.C5);
      p = p.mul(r).add(PlainMath.C4);
      p = p.mul(r).add(PlainMath.C3);
      p = p.mul(r).add(PlainMath.C2);
      p = p.mul(r.mul(r)).add(r).add(1);
      IntVector bits = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
      FloatVector e =
          p.reinterpretAsInts()
              .add(bits)
              .reinterpretAsFloats()
              .blend(0, v.compare(VectorOperators.LT, PlainMath.EXP_INPUT_MIN));
      e.intoArray(x, start + i);
      sum = sum.add(e);
    }
    sum.intoArray(lanes, 0);
    return sumOfLanes(lanes) + PlainMath.exponentials(x, start + whole, count - whole, max, scale);
  }

  /** As {@link Kernels#gate}. */
  static void gate(float[] x, int gateStart, int upStart, float[] y, int yStart, int count) {
    int whole = LANES.loopBound(count);
    for (int i = 0; i < whole; i += LANES.length()) {
      FloatVector gate = FloatVector.fromArray(LANES, x, gateStart + i);
      FloatVector v = gate.neg().min(PlainMath.EXP_INPUT_MAX);
      FloatVector shifted = v.mul(PlainMath.LOG2_E).add(PlainMath.ROUNDER);
      FloatVector n = shifted.sub(PlainMath.ROUNDER);
      FloatVector r = v.sub(n.mul(PlainMath.LN2_HIGH)).sub(n.mul(PlainMath.LN2_LOW));
      FloatVector p = r.mul(PlainMath.C6).add(PlainMath.C5);
      p = p.mul(r).add(PlainMath.C4);
      p = p.mul(r).add(PlainMath.C3);
      p = p.mul(r).add(PlainMath.C2);
      p = p.mul(r.mul(r)).add(r).add(1);
      IntVector bits = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
      FloatVector e =
          p.reinterpretAsInts()
              .add(bits)
              .reinterpretAsFloats()
              .blend(0, v.compare(VectorOperators.LT, PlainMath.EXP_INPUT_MIN));
      gate.div(e.add(1)).mul(FloatVector.fromArray(LANES, x, upStart + i)).intoArray(y, yStart + i);
    }
    PlainMath.gate(x, gateStart + whole, upStart + whole, y, yStart + whole, count - whole);
  }

  /** As {@link Kernels#rotate}. */
  static void rotate(float[] x, int start, int pairs, float[] table, int tableStart) {
    int whole = LANES.loopBound(pairs);
    for (int i = 0; i < whole; i += LANES.length()) {
      FloatVector cos = FloatVector.fromArray(LANES, table, tableStart + i);
      FloatVector sin = FloatVector.fromArray(LANES, table, tableStart + pairs + i);
      FloatVector a = FloatVector.fromArray(LANES, x, start + i);
      FloatVector b = FloatVector.fromArray(LANES, x, start + pairs + i);
      a.mul(cos).sub(b.mul(sin)).intoArray(x, start + i);
      b.mul(cos).add(a.mul(sin)).intoArray(x, start + pairs + i);
    }
    PlainMath.rotate(x, start, pairs, whole, table, tableStart);
  }
}
