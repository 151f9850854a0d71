package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.engine.compute.HeadLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class PageRingTest {
  private static CudaDevice device(int sharedKib) {
    return new CudaDevice(0, "none", "", 9, 0, 132, sharedKib << 10, 50 << 20, 80L << 30);
  }

  /** Pages of heads of 128 and 64 in bf16, of 128 in 8 bits; GPUs of sm_90, sm_80, sm_86. */
  @ParameterizedTest
  @CsvSource({
    "227, 32768, 3, 2",
    "227, 16384, 3, 4",
    "227, 16896, 3, 4",
    "163, 32768, 2, 2",
    "163, 16896, 3, 2",
    "99, 32768, 1, 2",
    "99, 16896, 2, 2",
    "227, 1024, 3, 16"
  })
  void asManyPagesAreUnderWayAsSharedMemoryHolds(
      int sharedKib, int pageBytes, int groups, int stages) {
    PageRing ring = PageRing.of(device(sharedKib), pageBytes);

    assertEquals(groups, ring.groups());
    assertEquals(stages, ring.stages());
    assertEquals(groups * (stages * pageBytes + 7168), ring.sharedBytes());
    assertTrue(ring.sharedBytes() <= sharedKib << 10);
  }

  @Test
  void aWarpOfEachGroupFetches() {
    PageRing ring = PageRing.of(device(227), 32768);

    assertEquals(3 * (128 + 32), ring.threads(new HeadLayout(4, 7, 128)));
    assertEquals(3 * (64 + 32), ring.threads(new HeadLayout(4, 7, 8)));
  }

  @Test
  void deviceWithoutRoomForTwoPagesIsRefusedWithBothNumbers() {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> PageRing.of(device(64), 32768));

    assertTrue(refused.getMessage().contains("2 pages of 32768 bytes"), refused.getMessage());
    assertTrue(refused.getMessage().contains("found 65536 bytes"), refused.getMessage());
  }
}
