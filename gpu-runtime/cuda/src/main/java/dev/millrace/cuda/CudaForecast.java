package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.device.DeviceContext;
import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.compute.StepLimits;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Sizes for a plan alone: opens nothing but, where memory is not given, a look at each GPU. */
final class CudaForecast extends CudaSizes {
  private final Map<Integer, Long> free = new HashMap<>();

  CudaForecast(List<Integer> devices, long deviceMemoryBytes) {
    super(devices, deviceMemoryBytes);
  }

  @Override
  long freeBytes(int ordinal) {
    return free.computeIfAbsent(ordinal, CudaForecast::look);
  }

  private static long look(int ordinal) {
    try (DeviceContext context = DeviceContext.open(CudaDevices.find().require(ordinal))) {
      return context.freeBytes();
    }
  }

  @Override
  public Backend open(int rank, int ranks, StepLimits limits, Map<MemoryPurpose, Long> planBytes) {
    throw new UnsupportedOperationException("a forecast opens no backend");
  }
}
