package dev.millrace.jobs.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.DeviceReading;
import dev.millrace.jobs.memory.MemoryStress.Round;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class MemoryStressTest {
  private static final long MIB = 1 << 20;

  @Test
  void whatDoesNotComeBackIsADrift() {
    List<Round> rounds = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      rounds.add(round(i, 1000, 500 + 16L * i));
    }

    // the third round is the last that may still grow
    assertEquals((9 - 2) * 16 * MIB, MemoryStress.drift(rounds));
    assertTrue(MemoryStress.isAccountedAlike(rounds));
  }

  @Test
  void oneLeakyDeviceAmongSoundOnesIsSeen() {
    List<Round> rounds = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      List<DeviceReading> closed = List.of(reading("GPU 0", 500), reading("GPU 1", 500 + 100 * i));
      rounds.add(new Round(i + 1, 1000, closed, closed));
    }

    assertEquals(200 * MIB, MemoryStress.drift(rounds));
  }

  @Test
  void booksThatDifferAreSeen() {
    assertFalse(MemoryStress.isAccountedAlike(List.of(round(1, 1000, 5), round(2, 1001, 5))));
  }

  private static Round round(int number, long accounted, long closedMib) {
    List<DeviceReading> closed = List.of(reading("GPU 0", closedMib));
    return new Round(number, accounted, closed, closed);
  }

  private static DeviceReading reading(String device, long mib) {
    return new DeviceReading(device, List.of(0), mib * MIB, 80_000 * MIB, 0, Double.NaN);
  }
}
