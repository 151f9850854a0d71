package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

final class VerbTimesTest {

  @Test
  void oneStepInSoManyIsLookedAtAndNotTheFirst() {
    VerbTimes times = new VerbTimes(4);

    assertEquals(
        List.of(3L, 7L, 11L), LongStream.range(0, 12).filter(times::wants).boxed().toList());
    assertThrows(IllegalArgumentException.class, () -> new VerbTimes(0));
  }

  @Test
  void kindsOfStepsAreKeptApart() {
    VerbTimes times = new VerbTimes(1);
    times.addStep(true, 64);
    times.add(true, "attention", 1.5);
    times.add(true, "norm", 0.25);
    times.add(true, "attention", 2);
    times.addStep(false, 4096);
    times.add(false, "attention", 7);

    assertEquals(1, times.steps(true));
    assertEquals(64, times.rows(true));
    assertEquals(4096, times.rows(false));
    assertEquals(List.of("attention", "norm"), List.copyOf(times.millis(true).keySet()));
    assertEquals(3.5, times.millis(true).get("attention"));
    assertEquals(7, times.millis(false).get("attention"));
  }
}
