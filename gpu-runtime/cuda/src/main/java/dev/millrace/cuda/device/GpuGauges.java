package dev.millrace.cuda.device;

import java.util.Optional;

/**
 * What the driver's management library shows of a GPU. Reading does not touch the GPU's work and
 * needs no context. Thread-safe.
 */
public final class GpuGauges {

  /**
   * One look.
   *
   * @param usedBytes memory in use, by all processes
   * @param watts drawn now
   * @param megahertz clock of the multiprocessors
   * @param busyPercent share of the last moments in which a kernel ran
   */
  public record Reading(long usedBytes, double watts, int megahertz, int busyPercent) {}

  private final Nvml nvml;
  private final long device;

  private GpuGauges(Nvml nvml, long device) {
    this.nvml = nvml;
    this.device = device;
  }

  /** Finds a GPU's gauges; empty where the driver came without them. */
  public static Optional<GpuGauges> open(CudaDevice device) {
    return Nvml.open().map(nvml -> new GpuGauges(nvml, nvml.device(device.busId())));
  }

  /** The driver's version, for example {@code 580.95.05}. */
  public String driverVersion() {
    return nvml.driverVersion();
  }

  /** Looks; power, clock and use that the GPU does not show are 0. */
  public Reading read() {
    double busy = nvml.utilisation(device);
    return new Reading(
        nvml.memory(device).used(),
        nvml.watts(device),
        nvml.megahertz(device),
        Double.isNaN(busy) ? 0 : (int) Math.round(100 * busy));
  }
}
