package dev.millrace.cuda.matmul;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Finds the fastest of many candidates in little time: all run briefly, the best ones longer. */
final class Race {
  /** Candidates that are timed longer: the brief times are right to some hundredths. */
  private static final int FINALISTS = 4;

  /** About how long each candidate runs at first, once at least. */
  private static final float HEAT_MILLIS = 0.2f;

  /** About how long each of the best runs, three times at least. */
  private static final float FINAL_MILLIS = 1;

  private Race() {}

  /** Times a candidate. */
  @FunctionalInterface
  interface Clock<T> {
    /** Milliseconds of one turn of several in a row; infinity if the candidate cannot run. */
    float millis(T candidate, int turns);
  }

  private record Heat<T>(T candidate, float millis) {}

  /**
   * The fastest.
   *
   * @param candidates at least one; the first wins where none can run
   */
  static <T> T winner(List<T> candidates, Clock<T> clock) {
    float once = clock.millis(candidates.get(0), 1);
    List<Heat<T>> heats = new ArrayList<>();
    for (T candidate : candidates) {
      float millis = clock.millis(candidate, turns(HEAT_MILLIS, once, 1));
      if (Float.isFinite(millis)) {
        heats.add(new Heat<>(candidate, millis));
      }
    }
    heats.sort(Comparator.comparingDouble(Heat::millis));
    T winner = candidates.get(0);
    float best = Float.POSITIVE_INFINITY;
    for (Heat<T> heat : heats.subList(0, Math.min(FINALISTS, heats.size()))) {
      float millis = clock.millis(heat.candidate, turns(FINAL_MILLIS, heat.millis, 3));
      if (millis < best) {
        best = millis;
        winner = heat.candidate;
      }
    }
    return winner;
  }

  /** How often to run what takes {@code once}, to take as long as is said. */
  static int turns(float millis, float once, int least) {
    return (int) Math.max(least, Math.min(100, millis / Math.max(once, 1e-3f)));
  }
}
