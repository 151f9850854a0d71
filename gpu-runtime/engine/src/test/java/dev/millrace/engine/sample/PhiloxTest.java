package dev.millrace.engine.sample;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class PhiloxTest {

  /** The known answers published with the paper's reference code (kat_vectors, philox4x32-10). */
  @Test
  void knownAnswersAreReproduced() {
    assertEquals(0x6627e8d5_e169c58dL, Philox.firstWords(0, 0, 0, 0, 0, 0));
    assertEquals(0x408f276d_41c83b0eL, Philox.firstWords(-1, -1, -1, -1, -1, -1));
    assertEquals(
        0xd16cfe09_94fdccebL,
        Philox.firstWords(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0));
  }

  @Test
  void uniformsFillTheUnitIntervalEvenly() {
    int[] counts = new int[64];
    int draws = 64_000;
    for (int i = 0; i < draws; i++) {
      double u = Philox.uniform(i / 100, i % 100);
      assertTrue(u >= 0 && u < 1, () -> "uniform " + u);
      counts[(int) (u * 64)]++;
    }

    double chiSquare = 0;
    for (int count : counts) {
      chiSquare += (count - 1000.0) * (count - 1000.0) / 1000;
    }
    // 63 degrees of freedom: mean 63, standard deviation 11.2
    assertTrue(chiSquare > 25 && chiSquare < 115, "chi-square " + chiSquare);
  }

  @Test
  void seedAndIndexBothCount() {
    assertNotEquals(Philox.uniform(1, 0), Philox.uniform(1, 1));
    assertNotEquals(Philox.uniform(1, 0), Philox.uniform(2, 0));
    assertNotEquals(Philox.uniform(1L << 32, 0), Philox.uniform(1, 0));
  }
}
