package dev.millrace.engine.sample;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link RowMath} on the Vector API; bit for bit what {@link PlainRowMath} gives. Sums and maxima
 * across a vector are taken from memory, because the order of a vector reduction is not defined.
 */
final class VectorRowMath implements RowMath {
  private static final VectorSpecies<Float> SPECIES =
      FloatVector.SPECIES_PREFERRED.length() > LANES
          ? FloatVector.SPECIES_512
          : FloatVector.SPECIES_PREFERRED;
  private static final int WIDTH = SPECIES.length();

  private final float[] lanes = new float[LANES];

  @Override
  public float maxima(float[] row, int offset, int elements, float[] maxima) {
    float max = Float.NEGATIVE_INFINITY;
    for (int block = 0, start = 0; start < elements; block++, start += BLOCK) {
      float blockMax = blockMax(row, offset + start, Math.min(BLOCK, elements - start));
      maxima[block] = blockMax;
      max = Math.max(max, blockMax);
    }
    return max;
  }

  private static float blockMax(float[] row, int offset, int elements) {
    FloatVector running = FloatVector.broadcast(SPECIES, Float.NEGATIVE_INFINITY);
    int i = 0;
    for (; i + WIDTH <= elements; i += WIDTH) {
      running = running.max(FloatVector.fromArray(SPECIES, row, offset + i));
    }
    float max = running.reduceLanes(VectorOperators.MAX);
    for (; i < elements; i++) {
      max = Math.max(max, row[offset + i]);
    }
    return max;
  }

  @Override
  public double weights(
      float[] row, int offset, int elements, float max, float scale, double[] sums) {
    double total = 0;
    int block = 0;
    int start = 0;
    for (; start + BLOCK <= elements; block++, start += BLOCK) {
      for (int lane = 0; lane < LANES; lane += WIDTH) {
        FloatVector running = FloatVector.zero(SPECIES);
        for (int i = lane; i < BLOCK; i += LANES) {
          FloatVector x = FloatVector.fromArray(SPECIES, row, offset + start + i);
          running = running.add(exp(x.sub(max).mul(scale)));
        }
        running.intoArray(lanes, lane);
      }
      sums[block] = PlainRowMath.sumOf(lanes);
      total += sums[block];
    }
    if (start < elements) {
      sums[block] =
          PlainRowMath.blockWeight(row, offset + start, elements - start, max, scale, lanes);
      total += sums[block];
    }
    Arrays.fill(lanes, 0);
    return total;
  }

  /** {@link PlainRowMath#exp}, operation by operation. */
  private static FloatVector exp(FloatVector x) {
    FloatVector exponent = x.mul(PlainRowMath.LOG2_E);
    FloatVector shifted = exponent.add(PlainRowMath.ROUNDER);
    FloatVector power = shifted.sub(PlainRowMath.ROUNDER);
    VectorMask<Float> vanishes = exponent.lt(PlainRowMath.EXPONENT_MIN);
    FloatVector r = x.sub(power.mul(PlainRowMath.LN2_HIGH)).sub(power.mul(PlainRowMath.LN2_LOW));
    FloatVector p = r.mul(1f / 5040).add(1f / 720);
    p = p.mul(r).add(1f / 120);
    p = p.mul(r).add(1f / 24);
    p = p.mul(r).add(1f / 6);
    p = p.mul(r).add(0.5f);
    p = p.mul(r).add(1f);
    p = p.mul(r).add(1f);
    IntVector bits = shifted.reinterpretAsInts().add(127).lanewise(VectorOperators.LSHL, 23);
    return p.mul(bits.reinterpretAsFloats()).blend(0f, vanishes);
  }
}
