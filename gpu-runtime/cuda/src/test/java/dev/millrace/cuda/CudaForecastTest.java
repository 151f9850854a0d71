package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.KvCacheType;
import dev.millrace.engine.compute.HeadLayout;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a GPU of a given size is planned with; needs none. */
final class CudaForecastTest {
  private static final long GPU_BYTES = 80L << 30;

  @Test
  void ranksOfOneGpuShareItsContextAndItsMemory() {
    CudaForecast alone = new CudaForecast(List.of(0), GPU_BYTES);
    CudaForecast shared = new CudaForecast(List.of(0, 0), GPU_BYTES);
    CudaForecast apart = new CudaForecast(List.of(0, 1), GPU_BYTES);

    assertEquals(alone.driverBytes(), 2 * shared.driverBytes());
    assertEquals(alone.driverBytes(), apart.driverBytes());
    assertEquals(alone.memoryAvailableBytes(1), shared.memoryAvailableBytes(2));
    assertEquals(2 * alone.memoryAvailableBytes(1), apart.memoryAvailableBytes(2));
  }

  @Test
  void planOfAllRanksIsEqualWhereGpusAreSharedUnevenly() {
    CudaForecast uneven = new CudaForecast(List.of(0, 0, 1), GPU_BYTES);

    assertEquals(new CudaForecast(List.of(1), GPU_BYTES).driverBytes(), uneven.driverBytes());
    assertEquals(
        3 * (new CudaForecast(List.of(0), GPU_BYTES).memoryAvailableBytes(1) / 2),
        uneven.memoryAvailableBytes(3));
  }

  /** Heads of 128: 132 bytes a key in place of 256; of 64, 68 in place of 128. */
  @Test
  void eightBitsTakeALittleMoreThanHalf() {
    CudaForecast sizes = new CudaForecast(List.of(0), GPU_BYTES);
    for (HeadLayout heads : List.of(new HeadLayout(8, 8, 128), new HeadLayout(2, 7, 64))) {
      long bf16 = 80L * 10 * 64 * 2 * heads.kvHeads() * heads.headSize() * 2;
      long eight = 80L * 10 * 64 * 2 * heads.kvHeads() * (heads.headSize() + 4);

      assertEquals(bf16, sizes.kvCacheBytes(80, 10, heads, KvCacheType.AUTO));
      assertEquals(eight, sizes.kvCacheBytes(80, 10, heads, KvCacheType.INT8));
      assertEquals(eight, sizes.kvCacheBytes(80, 10, heads, KvCacheType.FP8));
    }
  }

  @Test
  void driverIsPartOfWhatAGpuHolds() {
    CudaForecast sizes = new CudaForecast(List.of(0), GPU_BYTES);

    assertTrue(sizes.driverBytes() > 0);
    assertTrue(sizes.memoryAvailableBytes(1) > GPU_BYTES - (1L << 30));
    assertTrue(sizes.memoryAvailableBytes(1) < GPU_BYTES);
  }
}
