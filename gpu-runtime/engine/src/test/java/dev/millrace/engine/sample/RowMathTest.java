package dev.millrace.engine.sample;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class RowMathTest {
  private static final int[] SIZES = {1, 15, 16, 17, 127, 128, 129, 512, 3817};

  @Test
  void expIsWithinThreeTenMillionths() {
    double worst = 0;
    for (float x = 0; x > -87; x -= 0.000917f) {
      worst = Math.max(worst, Math.abs(PlainRowMath.exp(x) / Math.exp(x) - 1));
    }
    assertTrue(worst < 3e-7, "worst relative error " + worst);
    assertEquals(1f, PlainRowMath.exp(0));
    assertEquals(0f, PlainRowMath.exp(Float.NEGATIVE_INFINITY));
    assertEquals(0f, PlainRowMath.exp(-1e30f));
    assertTrue(Float.isNaN(PlainRowMath.exp(Float.NaN)));
  }

  @Test
  void vectorsGiveTheVeryBitsOfPlainJava() {
    long seed = 20251;
    Random random = new Random(seed);
    for (int size : SIZES) {
      float[] row = new float[size + 3];
      for (int i = 0; i < row.length; i++) {
        row[i] = (float) (random.nextGaussian() * 20);
      }
      row[3 + size / 2] = Float.NEGATIVE_INFINITY;
      Passes plain = Passes.of(new PlainRowMath(), row, size);
      Passes vector = Passes.of(new VectorRowMath(), row, size);

      String what = "size " + size + ", seed " + seed;
      assertEquals(plain.max, vector.max, what);
      assertEquals(plain.total, vector.total, what);
      assertArrayEquals(plain.maxima, vector.maxima, what);
      assertArrayEquals(plain.sums, vector.sums, what);
    }
  }

  @Test
  void sumOfWeightsIsAccurate() {
    Random random = new Random(7);
    float[] row = new float[49_152];
    for (int i = 0; i < row.length; i++) {
      row[i] = (float) (random.nextGaussian() * 3);
    }
    Passes passes = Passes.of(RowMath.fastest(), row, 0, row.length);

    double exact = 0;
    for (float x : row) {
      exact += Math.exp(((double) x - passes.max) * 0.7f);
    }
    assertEquals(1, passes.total / exact, 1e-6);
  }

  @Test
  void anyNaNShows() {
    for (RowMath math : new RowMath[] {new PlainRowMath(), new VectorRowMath()}) {
      for (int at : new int[] {0, 127, 128, 300}) {
        float[] row = new float[301];
        row[at] = Float.NaN;
        Passes passes = Passes.of(math, row, 0, row.length);
        assertTrue(Double.isNaN(passes.total), math.getClass() + " at " + at);
      }
    }
  }

  private record Passes(float max, double total, float[] maxima, double[] sums) {
    static Passes of(RowMath math, float[] row, int size) {
      return of(math, row, 3, size);
    }

    static Passes of(RowMath math, float[] row, int offset, int size) {
      float[] maxima = new float[RowMath.blocks(size)];
      double[] sums = new double[maxima.length];
      float max = math.maxima(row, offset, size, maxima);
      double total = math.weights(row, offset, size, max, 0.7f, sums);
      return new Passes(max, total, maxima, sums);
    }
  }
}
