package dev.millrace.engine.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class OutputLengthsTest {
  private final OutputLengths lengths = new OutputLengths();

  /** A sequence that may draw so many tokens, and has drawn some. */
  private static Sequence sequence(int most, int drawn, double quantile) {
    Sequence sequence = Scripted.generating(new int[] {1}, most).open();
    for (int i = 0; i < drawn; i++) {
      sequence.pendingTokens++;
      sequence.append(1);
    }
    sequence.quantile = quantile;
    return sequence;
  }

  private int expected(int most, int drawn, double quantile) {
    return lengths.expectedMore(sequence(most, drawn, quantile));
  }

  @Test
  void beforeAnythingIsKnownTheMostIsExpectedUpToAThousand() {
    assertEquals(300, expected(300, 0, 0.1));
    assertEquals(1024, expected(9000, 0, 0.9));
    assertEquals(24, expected(9000, 1000, 0.5));
    assertEquals(7000, expected(9000, 2000, 0.5), "longer than all that is known");
  }

  @Test
  void withoutRunningOnesItIsTheQuantileOfTheFinished() {
    for (int i = 1; i <= 100; i++) {
      lengths.add(i);
    }
    lengths.learn(List.of());
    assertEquals(25, expected(9000, 0, 0.249));
    assertEquals(90, expected(9000, 0, 0.899));
    assertEquals(25, expected(9000, 50, 0.499), "of those longer than 50, half reach 75");
    assertEquals(10, expected(60, 50, 0.499), "never more than may come");
  }

  /** Kaplan and Meier by hand: 16 ended at 10, 16 run at 10 or more, then 16 ended at 20. */
  @Test
  void runningOnesCountAsAtLeastAsLongAsTheyAre() {
    List<Sequence> running = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      lengths.add(10);
      lengths.add(20);
      running.add(sequence(100, 15, 0));
    }
    lengths.learn(running);
    // Of 48 at 10, a third ends; of 16 at 20, all: 15 says nothing of 20.
    assertEquals(10, expected(9000, 0, 0.33));
    assertEquals(20, expected(9000, 0, 0.34));
    assertEquals(20, expected(9000, 0, 0.99));
  }

  @Test
  void fewThatEndedEarlySayLittleOfManyThatRun() {
    List<Sequence> running = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      running.add(sequence(4000, 30, 0));
    }
    for (int i = 0; i < 16; i++) {
      lengths.add(20);
    }
    lengths.learn(running);
    assertEquals(20, expected(4000, 0, 0.05));
    assertEquals(30 + 1024, expected(4000, 0, 0.5));
  }

  /** Together many sequences are expected to draw what they will. */
  @Test
  void sumOverManyIsRight() {
    Random random = new Random(3);
    double sum = 0;
    for (int i = 0; i < 2000; i++) {
      int length = 1 + (int) (-200 * Math.log(1 - random.nextDouble()));
      lengths.add(length);
      sum += length;
    }
    lengths.learn(List.of());
    double expected = 0;
    for (int i = 0; i < 2000; i++) {
      expected += expected(100_000, 0, i * 0.6180339887498949 % 1);
    }
    double share = expected / sum;
    assertTrue(Math.abs(share - 1) < 0.02, () -> "expected all, found a share of " + share);
  }
}
