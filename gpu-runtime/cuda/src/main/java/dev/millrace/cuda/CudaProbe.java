package dev.millrace.cuda;

import dev.millrace.api.engine.DeviceReading;
import dev.millrace.api.engine.MemoryProbe;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.cuda.device.Nvml;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Reads the GPUs of a group of ranks through NVML, which takes no memory of theirs. */
final class CudaProbe implements MemoryProbe {
  private record Watched(String name, List<Integer> ranks, long handle) {}

  private final Nvml nvml;
  private final List<Watched> devices;

  private CudaProbe(Nvml nvml, List<Watched> devices) {
    this.nvml = nvml;
    this.devices = List.copyOf(devices);
  }

  /**
   * Opens a probe; one that sees nothing where there is no GPU or no NVML.
   *
   * @param devices the GPU of each rank
   */
  static MemoryProbe open(List<Integer> devices) {
    Optional<Nvml> nvml = Nvml.open();
    if (nvml.isEmpty()) {
      return NONE;
    }
    Map<Integer, List<Integer>> ranks = new LinkedHashMap<>();
    for (int rank = 0; rank < devices.size(); rank++) {
      ranks.computeIfAbsent(devices.get(rank), device -> new ArrayList<>()).add(rank);
    }
    try {
      CudaDevices found = CudaDevices.find();
      List<Watched> watched = new ArrayList<>();
      ranks.forEach(
          (ordinal, own) ->
              watched.add(
                  new Watched(
                      "GPU " + ordinal, own, nvml.get().device(found.require(ordinal).busId()))));
      return new CudaProbe(nvml.get(), watched);
    } catch (CudaException e) {
      nvml.get().close();
      return NONE;
    }
  }

  @Override
  public List<DeviceReading> read() {
    List<DeviceReading> readings = new ArrayList<>();
    for (Watched device : devices) {
      Nvml.MemoryBytes memory = nvml.memory(device.handle());
      readings.add(
          new DeviceReading(
              device.name(),
              device.ranks(),
              memory.used(),
              memory.total(),
              nvml.othersBytes(device.handle()),
              nvml.utilisation(device.handle())));
    }
    return readings;
  }

  @Override
  public void close() {
    nvml.close();
  }
}
