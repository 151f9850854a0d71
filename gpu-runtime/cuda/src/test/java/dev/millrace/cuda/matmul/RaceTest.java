package dev.millrace.cuda.matmul;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class RaceTest {
  private final Map<Integer, Integer> turnsRun = new HashMap<>();

  private int winner(float... millis) {
    return Race.winner(
        IntStream.range(0, millis.length).boxed().toList(),
        (candidate, turns) -> {
          turnsRun.merge(candidate, turns, Integer::sum);
          return millis[candidate];
        });
  }

  @Test
  void fastestWinsWhereverItStands() {
    assertEquals(0, winner(1, 2, 3));
    assertEquals(7, winner(9, 8, 7, 6, 5, 4, 3, 2));
    assertEquals(3, winner(0.5f, 0.4f, 0.41f, 0.39f, 0.6f, 0.7f, 0.8f));
  }

  @Test
  void oneThatLooksAFewHundredthsSlowerAtFirstCanWin() {
    float[] brief = {1.0f, 1.01f, 1.02f, 1.03f, 1.04f, 1.05f};
    float[] longer = {1.0f, 1.0f, 1.0f, 0.9f, 0.8f, 0.7f};

    int winner =
        Race.winner(
            List.of(0, 1, 2, 3, 4, 5),
            (candidate, turns) -> (turns > 1 ? longer : brief)[candidate]);

    assertEquals(3, winner, "the last are not among the finalists");
  }

  @Test
  void slowCandidatesRunOnce() {
    assertEquals(0, winner(1, 1.1f, 1.2f, 1.3f, 1.4f, 2, 3));

    assertEquals(1, turnsRun.get(4));
    assertEquals(1, turnsRun.get(6));
    assertTrue(turnsRun.get(1) > 3, turnsRun.toString());
  }

  @Test
  void whatIsOverInMicrosecondsRunsOftenEnoughToBeTold() {
    winner(0.01f, 0.011f, 0.02f, 0.02f, 0.02f, 0.02f);

    assertEquals(20, turnsRun.get(5));
    assertEquals(1 + 20 + 100, turnsRun.get(0)); // once, in its heat, in the final
  }

  @Test
  void candidateThatCannotRunNeverWins() {
    assertEquals(1, winner(Float.POSITIVE_INFINITY, 3, Float.POSITIVE_INFINITY));
  }

  @Test
  void firstWinsWhereNoneCanRun() {
    assertEquals(0, winner(Float.POSITIVE_INFINITY, Float.POSITIVE_INFINITY));
  }
}
