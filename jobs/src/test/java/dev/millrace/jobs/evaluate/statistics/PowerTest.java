package dev.millrace.jobs.evaluate.statistics;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The stated size and power, by simulation. Counts are small so that a build stays short; {@code
 * -Dmillrace.simulations=10000} takes more. A limit allows for three standard errors of the count.
 */
class PowerTest {
  private static final int RUNS = Integer.getInteger("millrace.simulations", 400);
  private static final int SIZE_RUNS = Math.max(2000, RUNS); // cheap, and small sizes need many
  private static final int BOOTSTRAP_RUNS = Math.max(200, RUNS / 4);

  private static double margin(double share, int runs) {
    return 3 * Math.sqrt(share * (1 - share) / runs);
  }

  /** A night that only flips rows by chance, both ways. */
  @ParameterizedTest
  @CsvSource({"20, 0.1", "200, 0.02", "200, 0.2", "1319, 0.05", "13, 0.5"})
  void mcnemarRaisesAtMostFivePercentFalseAlarms(int rows, double flipShare) {
    SplittableRandom random = new SplittableRandom(20261125);
    int alarms = 0;
    int gateAlarms = 0;
    for (int run = 0; run < SIZE_RUNS; run++) {
      int[] flips = flips(random, rows, flipShare / 2, flipShare / 2);
      Comparison comparison = McNemar.compare(rows, flips[0], flips[1]);
      alarms += comparison.pValue() < 0.05 ? 1 : 0;
      gateAlarms += comparison.high() < 0 ? 1 : 0;
    }
    System.out.printf(
        "McNemar, %d rows, %.2f flip: %.4f false alarms, %.4f by the interval%n",
        rows, flipShare, (double) alarms / SIZE_RUNS, (double) gateAlarms / SIZE_RUNS);
    assertTrue(alarms <= limit(0.05), alarms + " of " + SIZE_RUNS);
    assertTrue(gateAlarms <= limit(0.025), gateAlarms + " of " + SIZE_RUNS);
  }

  private static double limit(double share) {
    return SIZE_RUNS * (share + margin(share, SIZE_RUNS));
  }

  /**
   * The same simulation must convict a test that is only a little too eager: one-sided p-values.
   */
  @Test
  void theSimulationConvictsATestThatIsTooEager() {
    SplittableRandom random = new SplittableRandom(20261125);
    int alarms = 0;
    for (int run = 0; run < SIZE_RUNS; run++) {
      int[] flips = flips(random, 1319, 0.025, 0.025);
      alarms += McNemar.pValue(flips[0], flips[1]) / 2 < 0.05 ? 1 : 0;
    }
    assertTrue(alarms > limit(0.05), alarms + " of " + SIZE_RUNS);
  }

  /** And a night without Holm's correction. */
  @Test
  void theSimulationConvictsANightWithoutCorrection() {
    assertTrue(nightsWithAnAlarm(p -> p) > limit(0.05));
  }

  /** Says which drop it could detect on a quiet night; that drop is then made and looked for. */
  @ParameterizedTest
  @CsvSource({"100, 0.1", "200, 0.02", "200, 0.2", "1319, 0.05", "50, 0"})
  void theDropThatIsSaidToBeDetectableIsFoundFourTimesInFive(int rows, double flipShare) {
    SplittableRandom random = new SplittableRandom(8);
    int found = 0;
    for (int run = 0; run < RUNS; run++) {
      int[] quiet = flips(random, rows, flipShare / 2, flipShare / 2);
      double drop = DetectableDrop.ofFlips(rows, quiet[0], quiet[1]);
      int[] flips = flips(random, rows, flipShare / 2, flipShare / 2 + drop);
      Comparison comparison = McNemar.compare(rows, flips[0], flips[1]);
      found += comparison.pValue() < 0.05 && comparison.change() < 0 ? 1 : 0;
    }
    System.out.printf(
        "McNemar, %d rows, %.2f flip: %.4f of detectable drops found%n",
        rows, flipShare, (double) found / RUNS);
    assertTrue(found >= RUNS * (0.8 - margin(0.8, RUNS)), found + " of " + RUNS);
  }

  /** Rows that became better and that became worse. */
  private static int[] flips(SplittableRandom random, int rows, double better, double worse) {
    int[] flips = new int[2];
    for (int i = 0; i < rows; i++) {
      double draw = random.nextDouble();
      flips[0] += draw < better ? 1 : 0;
      flips[1] += draw >= better && draw < better + worse ? 1 : 0;
    }
    return flips;
  }

  /** Differences of different shapes, none of which has a mean other than 0. */
  private enum Shape {
    NORMAL,
    SKEWED,
    MOSTLY_ZERO,
    CLUSTERED;

    double draw(SplittableRandom random) {
      return switch (this) {
        case NORMAL, CLUSTERED -> gaussian(random);
        case SKEWED -> -Math.log(1 - random.nextDouble()) - 1;
        case MOSTLY_ZERO -> random.nextDouble() < 0.8 ? 0 : gaussian(random);
      };
    }

    private static double gaussian(SplittableRandom random) {
      return Math.sqrt(-2 * Math.log(1 - random.nextDouble()))
          * Math.cos(2 * Math.PI * random.nextDouble());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "NORMAL, 15",
    "NORMAL, 60",
    "SKEWED, 60",
    "MOSTLY_ZERO, 60",
    "CLUSTERED, 60",
    "NORMAL, 5"
  })
  void bootstrapRaisesAtMostFivePercentFalseAlarms(Shape shape, int rows) {
    SplittableRandom random = new SplittableRandom(5);
    int alarms = 0;
    for (int run = 0; run < BOOTSTRAP_RUNS; run++) {
      Comparison comparison = compare(shape, rows, 0, random, run);
      alarms += comparison.pValue() < 0.05 ? 1 : 0;
    }
    System.out.printf(
        "Bootstrap, %s, %d rows: %.4f false alarms%n",
        shape, rows, (double) alarms / BOOTSTRAP_RUNS);
    assertTrue(
        alarms <= BOOTSTRAP_RUNS * (0.05 + margin(0.05, BOOTSTRAP_RUNS)),
        alarms + " of " + BOOTSTRAP_RUNS);
  }

  @ParameterizedTest
  @CsvSource({"NORMAL, 60", "SKEWED, 60", "MOSTLY_ZERO, 60", "CLUSTERED, 60"})
  void bootstrapFindsTheDropThatIsSaidToBeDetectable(Shape shape, int rows) {
    SplittableRandom random = new SplittableRandom(7);
    int found = 0;
    for (int run = 0; run < BOOTSTRAP_RUNS; run++) {
      double drop = compare(shape, rows, 0, random, run).detectableDrop();
      Comparison comparison = compare(shape, rows, -drop, random, run);
      found += comparison.pValue() < 0.05 && comparison.change() < 0 ? 1 : 0;
    }
    System.out.printf(
        "Bootstrap, %s, %d rows: %.4f of detectable drops found%n",
        shape, rows, (double) found / BOOTSTRAP_RUNS);
    assertTrue(
        found >= BOOTSTRAP_RUNS * (0.8 - margin(0.8, BOOTSTRAP_RUNS)),
        found + " of " + BOOTSTRAP_RUNS);
  }

  private static Comparison compare(
      Shape shape, int rows, double shift, SplittableRandom random, long seed) {
    double[] before = new double[rows];
    double[] after = new double[rows];
    double[] weights = new double[rows];
    int[] clusters = new int[rows];
    double shared = 0;
    for (int i = 0; i < rows; i++) {
      clusters[i] = shape == Shape.CLUSTERED ? i / 3 : i;
      if (shape == Shape.CLUSTERED && i % 3 == 0) {
        shared = shape.draw(random);
      }
      before[i] = 2 * random.nextDouble() - 3;
      after[i] = before[i] + shape.draw(random) + shared + shift;
      weights[i] = 1;
    }
    return Comparison.of(
        new Observations(before, weights, clusters),
        new Observations(after, weights, clusters),
        seed);
  }

  @Test
  void holmKeepsTheWholeNightAtFivePercent() {
    int alarms = nightsWithAnAlarm(Holm::adjust);

    assertTrue(alarms <= limit(0.05), alarms + " of " + SIZE_RUNS);
  }

  /** Quiet nights of eleven tasks in which any task alarms. */
  private static int nightsWithAnAlarm(UnaryOperator<double[]> correction) {
    SplittableRandom random = new SplittableRandom(3);
    int tasks = 11;
    int alarms = 0;
    for (int run = 0; run < SIZE_RUNS; run++) {
      double[] pValues = new double[tasks];
      for (int task = 0; task < tasks; task++) {
        int[] flips = flips(random, 200, 0.05, 0.05);
        pValues[task] = McNemar.pValue(flips[0], flips[1]);
      }
      alarms += Arrays.stream(correction.apply(pValues)).anyMatch(p -> p < 0.05) ? 1 : 0;
    }
    return alarms;
  }
}
