package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

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

  @Test
  void driverIsPartOfWhatAGpuHolds() {
    CudaForecast sizes = new CudaForecast(List.of(0), GPU_BYTES);

    assertTrue(sizes.driverBytes() > 0);
    assertTrue(sizes.memoryAvailableBytes(1) > GPU_BYTES - (1L << 30));
    assertTrue(sizes.memoryAvailableBytes(1) < GPU_BYTES);
  }
}
