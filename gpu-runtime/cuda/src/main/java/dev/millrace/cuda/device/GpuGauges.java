package dev.millrace.cuda.device;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * What the driver's management library shows of a GPU. Reading does not touch the GPU's work and
 * needs no context. Thread-safe.
 */
public final class GpuGauges {
  private static final String LIBRARY = "libnvidia-ml.so.1";
  private static final int SM_CLOCK = 1;

  /** The C functions; handles are addresses. */
  private static final class Functions {
    native int nvmlInit_v2();

    native int nvmlDeviceGetHandleByPciBusId_v2(String busId, long[] device);

    native int nvmlDeviceGetMemoryInfo(long device, long[] totalFreeUsed);

    native int nvmlDeviceGetPowerUsage(long device, int[] milliwatts);

    native int nvmlDeviceGetClockInfo(long device, int kind, int[] megahertz);

    native int nvmlDeviceGetUtilizationRates(long device, int[] gpuAndMemory);

    native int nvmlSystemGetDriverVersion(byte[] version, int length);
  }

  /**
   * One look.
   *
   * @param usedBytes memory in use, by all processes
   * @param watts drawn now
   * @param megahertz clock of the multiprocessors
   * @param busyPercent share of the last moments in which a kernel ran
   */
  public record Reading(long usedBytes, double watts, int megahertz, int busyPercent) {}

  private final Functions functions;
  private final long device;

  private GpuGauges(Functions functions, long device) {
    this.functions = functions;
    this.device = device;
  }

  /** Finds a GPU's gauges; empty where the driver came without them. */
  public static Optional<GpuGauges> open(CudaDevice device) {
    Functions functions = new Functions();
    try {
      Native.register(Functions.class, NativeLibrary.getInstance(LIBRARY));
      long[] handle = new long[1];
      boolean found =
          functions.nvmlInit_v2() == 0
              && functions.nvmlDeviceGetHandleByPciBusId_v2(device.busId(), handle) == 0;
      return found ? Optional.of(new GpuGauges(functions, handle[0])) : Optional.empty();
    } catch (UnsatisfiedLinkError e) {
      return Optional.empty(); // a container may be given the driver without this library
    }
  }

  /** The driver's version, for example {@code 580.95.05}. */
  public String driverVersion() {
    byte[] version = new byte[96];
    int result = functions.nvmlSystemGetDriverVersion(version, version.length);
    return result == 0
        ? new String(version, StandardCharsets.US_ASCII).replace("\0", "").strip()
        : "unknown";
  }

  /** Looks; what the GPU does not show is 0. */
  public Reading read() {
    long[] memory = new long[3];
    int[] milliwatts = new int[1];
    int[] megahertz = new int[1];
    int[] busy = new int[2];
    boolean sees = functions.nvmlDeviceGetMemoryInfo(device, memory) == 0;
    boolean weighs = functions.nvmlDeviceGetPowerUsage(device, milliwatts) == 0;
    boolean hears = functions.nvmlDeviceGetClockInfo(device, SM_CLOCK, megahertz) == 0;
    boolean feels = functions.nvmlDeviceGetUtilizationRates(device, busy) == 0;
    return new Reading(
        sees ? memory[2] : 0,
        weighs ? milliwatts[0] / 1e3 : 0,
        hears ? megahertz[0] : 0,
        feels ? busy[0] : 0);
  }
}
