package dev.millrace.jobs.evaluate.statistics;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Against figures worked out by hand or taken from the papers and from R. */
class StatisticsTest {

  @Test
  void wilsonIntervalIsTheOneOfTheLiterature() {
    // 15 of 148: Newcombe 1998, Stat. Med. 17:857, table I gives 0.0624 to 0.1605
    double[] values = new double[148];
    java.util.Arrays.fill(values, 0, 15, 1);

    Estimate estimate = Estimate.of(Observations.of(values));

    assertEquals(0.0624, estimate.low(), 5e-5);
    assertEquals(0.1605, estimate.high(), 5e-5);
    assertEquals(Math.sqrt(15.0 / 148 * 133 / 148 / 147), estimate.standardError(), 1e-12);
  }

  @Test
  void wilsonIntervalOfNoneIsNotEmpty() {
    Estimate estimate = Estimate.of(Observations.of(new double[20]));

    assertEquals(0, estimate.low());
    assertEquals(0.1611, estimate.high(), 1e-4); // z^2 / (n + z^2)
  }

  @Test
  void rowsOfOneClusterThatMoveTogetherCountAsOne() {
    double[] values = {1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 0};
    double[] weights = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    int[] clusters = {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3};

    Estimate clustered = Estimate.of(new Observations(values, weights, clusters));
    Estimate four =
        Estimate.of(
            new Observations(
                new double[] {1, 0, 1, 0}, new double[] {1, 1, 1, 1}, new int[] {0, 1, 2, 3}));

    assertEquals(four.standardError(), clustered.standardError(), 1e-12);
    assertTrue(
        clustered.standardError() > 1.7 * Estimate.of(Observations.of(values)).standardError());
  }

  @Test
  void aRateWeighsRowsByTheirUnits() {
    Observations rows =
        new Observations(new double[] {-10, -20}, new double[] {10, 10}, new int[] {0, 1});

    assertEquals(-1.5, rows.score(), 1e-12);
    assertEquals(Math.sqrt(2 * (25 + 25)) / 20, Estimate.of(rows).standardError(), 1e-12);
  }

  @Test
  void oneRowHasNoErrorToTell() {
    assertTrue(Double.isNaN(Estimate.of(Observations.of(1)).standardError()));
  }

  @Test
  void mcnemarIsTheBinomialTest() {
    assertEquals(1, McNemar.pValue(0, 0));
    assertEquals(0.0625, McNemar.pValue(0, 5), 1e-12);
    assertEquals(0.03125, McNemar.pValue(6, 0), 1e-12);
    assertEquals(0.4240, McNemar.pValue(5, 9), 5e-5); // binom.test(5, 14)
    assertEquals(2 * Math.pow(0.5, 55), McNemar.pValue(0, 55), 1e-25);
  }

  @Test
  void tangoIntervalIsTheOneOfItsPaper() {
    // Tango 1998, table: n = 44, 9 against 5 of the other kind: -0.0760 to 0.2651 roughly; the
    // exact roots of the score equation are checked by putting them in again
    double[] interval = McNemar.scoreInterval(44, 9, 5);

    assertTrue(interval[0] < 4.0 / 44 && interval[1] > 4.0 / 44);
    assertArrayEquals(
        new double[] {-interval[1], -interval[0]}, McNemar.scoreInterval(44, 5, 9), 1e-9);
    double z2 = Estimate.Z95 * Estimate.Z95;
    assertEquals(z2 / (30 + z2), McNemar.scoreInterval(30, 0, 0)[1], 1e-9);
  }

  @Test
  void intervalLeavesOutZeroOnlyIfTheTestRejects() {
    for (int rows : new int[] {6, 13, 127, 128, 1000}) {
      for (int worse = 0; worse <= Math.min(rows, 40); worse++) {
        for (int better = 0; better + worse <= Math.min(rows, 40); better++) {
          Comparison comparison = McNemar.compare(rows, better, worse);
          boolean rejects = comparison.pValue() < 0.05;
          boolean leavesOut = comparison.low() > 0 || comparison.high() < 0;
          assertTrue(rejects || !leavesOut, rows + " rows, " + better + " to " + worse);
          assertTrue(
              comparison.low() <= comparison.change() && comparison.change() <= comparison.high());
        }
      }
    }
  }

  @Test
  void detectableDropHasItsPowerExactly() {
    for (int rows : new int[] {60, 127, 200, 1319}) {
      double drop = DetectableDrop.ofFlips(rows, 3, 4);
      double chance = (7 + 2) / (rows + 2.0);

      assertEquals(0.8, DetectableDrop.power(rows, chance, drop), 1e-3, rows + " rows");
    }
    assertTrue(Double.isNaN(DetectableDrop.ofFlips(5, 0, 0)), "five rows cannot reject at all");
  }

  @Test
  void holmIsStepwiseAndKeepsTheOrder() {
    assertArrayEquals(
        new double[] {0.03, 0.06, 0.06, 0.02}, Holm.adjust(0.01, 0.04, 0.03, 0.005), 1e-12);
    assertArrayEquals(new double[] {}, Holm.adjust());
    assertArrayEquals(new double[] {1, 1}, Holm.adjust(0.9, 0.8), 0);
  }

  @Test
  void passAtKIsTheShareOfDrawsWithARightOne() {
    assertEquals(0.3, PassAtK.of(10, 3, 1), 1e-12);
    assertEquals(1 - 7.0 * 6 / (10 * 9), PassAtK.of(10, 3, 2), 1e-12);
    assertEquals(1, PassAtK.of(10, 3, 8));
    assertEquals(0, PassAtK.of(4, 0, 4));
  }

  @Test
  void aComparisonOfARunWithItselfFindsNothing() {
    Observations rows = Observations.of(0.5, 0.25, 0.75, 1, 0);

    Comparison comparison = Comparison.of(rows, rows, 1);

    assertEquals(0, comparison.change());
    assertEquals(1, comparison.pValue());
    assertTrue(comparison.low() <= 0 && comparison.high() >= 0);
    assertTrue(comparison.detectableDrop() > 0);
  }
}
