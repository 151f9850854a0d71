package dev.millrace.engine.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

final class BlockForecastTest {
  private final BlockForecast forecast = new BlockForecast();

  @Test
  void aloneASequenceWantsWhatItGrowsBy() {
    assertEquals(18, forecast.peakWith(64, 1024, 0)); // 16 full ones, one more, half a one
    assertEquals(2, forecast.peakWith(64, 1024, 16));
  }

  @Test
  void blocksThatOthersGiveBackBeforeAreNotWanted() {
    forecast.add(640, 640, 10, 10);
    forecast.add(64, 640, 10, 10);

    // Just before the short one ends both have grown by a block and a half; when the last ends, it
    // has grown by 10.5, of which the other's 10 are given.
    assertEquals(3, forecast.peakWith(0, 64, 1));
  }

  /** Against a walk through all steps, in which a sequence's last block is half full too. */
  @Test
  void peakIsThatOfAWalkThroughAllSteps() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    for (int trial = 0; trial < 200; trial++) {
      forecast.clear();
      int count = 1 + random.nextInt(70);
      int[] more = random.ints(count, 0, 500).toArray();
      int[] tokens = random.ints(count, 1, 3000).toArray();
      int[] held = new int[count];
      int[] own = new int[count];
      for (int i = 0; i < count; i++) {
        held[i] = random.nextInt(1 + tokens[i] / 64);
        own[i] = i == count - 1 ? 0 : random.nextInt(1 + held[i]);
        if (i < count - 1) {
          forecast.add(more[i], tokens[i], held[i], own[i]);
        }
      }
      double most = 0;
      for (int step = 0; step <= 500; step++) {
        double wanted = 0;
        for (int i = 0; i < count; i++) {
          wanted += step <= more[i] ? (tokens[i] + step) / 64.0 + 0.5 - held[i] : -own[i];
        }
        most = Math.max(most, wanted);
      }
      double expected = most;
      int found = forecast.peakWith(more[count - 1], tokens[count - 1], held[count - 1]);
      assertTrue(
          Math.abs(found - expected) <= 1.001,
          () -> "expected %f, found %d, seed %d".formatted(expected, found, seed));
    }
  }
}
