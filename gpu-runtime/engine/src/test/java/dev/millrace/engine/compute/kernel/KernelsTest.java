package dev.millrace.engine.compute.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the backend contract does not see of single kernels: exactness, errors, edges. */
final class KernelsTest {
  private static final long SEED = Long.getLong("tests.seed", 20261125L);

  @ParameterizedTest
  @EnumSource(KernelChoice.class)
  void everyBf16NumberIsWidenedExactly(KernelChoice choice) {
    short[] bits = everyHalf();
    float[] wide = new float[bits.length];

    choice.create().widenBf16(bits, 0, wide, 0, bits.length);

    for (int i = 0; i < bits.length; i++) {
      assertEquals(i << 16, Float.floatToRawIntBits(wide[i]), "bf16 " + Integer.toHexString(i));
    }
  }

  @ParameterizedTest
  @EnumSource(KernelChoice.class)
  void everyFiniteF16NumberIsWidenedExactly(KernelChoice choice) {
    short[] bits = everyHalf();
    float[] wide = new float[bits.length];

    choice.create().widenF16(bits, 0, wide, 0, bits.length);

    for (int i = 0; i < bits.length; i++) {
      int exponent = i >> 10 & 0x1f;
      int fraction = i & 0x3ff;
      if (exponent == 31) {
        continue; // infinities and NaN are no weights
      }
      double magnitude =
          exponent == 0 ? fraction * 0x1p-24 : (1024 + fraction) * Math.pow(2, exponent - 25);
      float expected = (float) (i >= 0x8000 ? -magnitude : magnitude);
      assertEquals(
          Float.floatToRawIntBits(expected),
          Float.floatToRawIntBits(wide[i]),
          "f16 " + Integer.toHexString(i));
    }
  }

  private static short[] everyHalf() {
    short[] bits = new short[1 << 16];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = (short) i;
    }
    return bits;
  }

  @ParameterizedTest
  @EnumSource(KernelChoice.class)
  void exponentialsAreWithinTwoUnitsInTheLastPlace(KernelChoice choice) {
    int count = 1_000_003;
    float[] x = new float[count];
    for (int i = 0; i < count; i++) {
      x[i] = -87.3f * i / (count - 1);
    }
    float[] exp = x.clone();

    choice.create().exponentials(exp, 0, count, 0, 1);

    double worst = 0;
    for (int i = 0; i < count; i++) {
      double exact = StrictMath.exp(x[i]);
      worst = Math.max(worst, Math.abs(exp[i] - exact) / Math.ulp((float) exact));
    }
    assertTrue(worst < 2, "error of " + worst + " units in the last place");
  }

  @ParameterizedTest
  @EnumSource(KernelChoice.class)
  void exponentialsOfNothingToBeSeenAreZeroAndNanStays(KernelChoice choice) {
    for (int at : new int[] {0, 20}) {
      float[] x = new float[21];
      x[at] = Float.NaN;
      x[at == 0 ? 20 : 0] = Float.NEGATIVE_INFINITY;
      x[7] = -200;
      x[8] = -87.34f;

      float sum = choice.create().exponentials(x, 0, x.length, 0, 1);

      assertTrue(Float.isNaN(x[at]) && Float.isNaN(sum), Arrays.toString(x));
      assertEquals(0, x[at == 0 ? 20 : 0]);
      assertEquals(0, x[7]);
      assertEquals(0, x[8]);
      assertEquals(1, x[3]);
    }
  }

  @ParameterizedTest
  @EnumSource(KernelChoice.class)
  void gateHoldsItsLimits(KernelChoice choice) {
    float[] gates = {0, 1, -1, 20, -20, 89, -89, 1000, -1000, 3e38f, -3e38f, Float.NaN};
    int count = 16;
    float[] x = new float[2 * count];
    Arrays.fill(x, count, 2 * count, 2);
    System.arraycopy(gates, 0, x, 0, gates.length);
    float[] y = new float[count];

    choice.create().gate(x, 0, count, y, 0, count);

    for (int i = 0; i < gates.length; i++) {
      double gate = gates[i];
      double expected = 2 * gate / (1 + StrictMath.exp(-gate));
      if (Double.isNaN(gate)) {
        assertTrue(Float.isNaN(y[i]));
      } else if (gate == 3e38f) {
        assertEquals(Float.POSITIVE_INFINITY, y[i]);
      } else if (gate == -3e38f) {
        assertTrue(Math.abs(y[i]) < 10, "silu(-3e38) * 2 = " + y[i]);
      } else {
        assertEquals(expected, y[i], 1e-30 + Math.abs(expected) * 0x1p-22, "gate " + gate);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(KernelChoice.class)
  void greatestIsFoundWhereverItLies(KernelChoice choice) {
    Kernels kernels = choice.create();
    for (int count : new int[] {1, 2, 15, 16, 17, 33, 64, 100}) {
      for (int at = 0; at < count; at++) {
        float[] x = new float[count + 3];
        Arrays.fill(x, -5);
        x[0] = 100;
        x[1 + at] = -1;
        x[1 + count] = 100;
        assertEquals(-1, kernels.max(x, 1, count), count + " elements, greatest at " + at);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(KernelChoice.class)
  void dotsOfHalvesAreTheDotsOfTheirWidenedSelves(KernelChoice choice) {
    Kernels kernels = choice.create();
    Random random = new Random(SEED);
    for (int inputs : new int[] {13, 16, 64, 576, 1000, 1024}) {
      for (boolean f16 : new boolean[] {false, true}) {
        int stride = (inputs + 15) / 16 * 16;
        int outputs = 19;
        short[] w = new short[32 * stride];
        for (int i = 0; i < w.length; i++) {
          w[i] = (short) (random.nextInt(2) << 15 | 0x3000 | random.nextInt(0x7ff));
        }
        float[] x = new float[inputs];
        for (int i = 0; i < inputs; i++) {
          x[i] = (float) random.nextGaussian();
        }
        float[] wide = new float[w.length];
        if (f16) {
          kernels.widenF16(w, 0, wide, 0, w.length);
        } else {
          kernels.widenBf16(w, 0, wide, 0, w.length);
        }
        Matrix xs = new Matrix().set(x, 0, inputs);
        float[] expected = new float[outputs];
        kernels.dots(
            xs,
            1,
            new Matrix().set(wide, 0, stride),
            outputs,
            inputs,
            new Matrix().set(expected, 0, outputs),
            false);

        float[] found = new float[outputs];
        kernels.dotsOfHalves(
            xs,
            w,
            stride,
            f16,
            outputs,
            inputs,
            new Matrix().set(found, 0, outputs),
            false,
            new Matrix().set(new float[w.length], 0, stride));

        assertArrayEquals(
            expected, found, "inputs %d, f16 %s, seed %d".formatted(inputs, f16, SEED));
      }
    }
  }
}
