package dev.millrace.cuda.device;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * NVIDIA's management library, which reads a GPU's counters without a context on it. It comes with
 * the driver; in some containers it is left out. Thread-safe.
 */
public final class Nvml implements AutoCloseable {
  private static final String LIBRARY = "libnvidia-ml.so.1";
  private static final int INSUFFICIENT_SIZE = 7;
  private static final int PROCESSES_MAX = 256;

  /** nvmlProcessInfo_t: u32 pid, u64 bytes, u32 instance, u32 instance. */
  private static final int PROCESS_BYTES = 24;

  private static final int PROCESS_USED = 8;

  /** nvmlMemory_v2_t: u32 version, u64 total, reserved, free, used. */
  private static final int MEMORY_BYTES = 40;

  private static final int MEMORY_VERSION = MEMORY_BYTES | 2 << 24;
  private static final int MEMORY_TOTAL = 8;
  private static final int MEMORY_USED = 32;

  private static final int MULTIPROCESSOR_CLOCK = 1;

  /** Where the driver may not say. */
  private static final long NOT_AVAILABLE = -1;

  /** The C functions. */
  static final class Functions {
    native int nvmlInit_v2();

    native int nvmlShutdown();

    native int nvmlDeviceGetHandleByPciBusId_v2(String busId, long[] device);

    native int nvmlDeviceGetMemoryInfo_v2(long device, Pointer memory);

    native int nvmlDeviceGetPowerUsage(long device, int[] milliwatts);

    native int nvmlDeviceGetClockInfo(long device, int kind, int[] megahertz);

    native int nvmlSystemGetDriverVersion(byte[] version, int length);

    native int nvmlDeviceGetUtilizationRates(long device, int[] rates);

    native int nvmlDeviceGetComputeRunningProcesses_v3(long device, int[] count, Pointer processes);
  }

  /**
   * Bytes of a GPU.
   *
   * @param total there are
   * @param used in use by whatever process; what the driver keeps of an idle GPU is not counted
   */
  public record MemoryBytes(long total, long used) {}

  private final Functions functions;
  private boolean closed;

  private Nvml(Functions functions) {
    this.functions = functions;
  }

  /** Loads and starts the library; empty where it is not there or does not start. */
  public static Optional<Nvml> open() {
    Functions functions = new Functions();
    try {
      Native.register(Functions.class, NativeLibrary.getInstance(LIBRARY));
      return functions.nvmlInit_v2() == 0 ? Optional.of(new Nvml(functions)) : Optional.empty();
    } catch (UnsatisfiedLinkError e) {
      return Optional.empty();
    }
  }

  /**
   * A GPU's handle.
   *
   * @param busId its place on the PCI bus, as {@link CudaDevice#busId}
   */
  public long device(String busId) {
    long[] device = new long[1];
    check(functions.nvmlDeviceGetHandleByPciBusId_v2(busId, device), "GPU at " + busId);
    return device[0];
  }

  public MemoryBytes memory(long device) {
    try (Memory memory = new Memory(MEMORY_BYTES)) {
      memory.setInt(0, MEMORY_VERSION);
      check(functions.nvmlDeviceGetMemoryInfo_v2(device, memory), "memory");
      return new MemoryBytes(memory.getLong(MEMORY_TOTAL), memory.getLong(MEMORY_USED));
    }
  }

  /** Watts drawn now; 0 where the GPU does not say. */
  double watts(long device) {
    int[] milliwatts = new int[1];
    return functions.nvmlDeviceGetPowerUsage(device, milliwatts) == 0 ? milliwatts[0] / 1e3 : 0;
  }

  /** Clock of the multiprocessors; 0 where the GPU does not say. */
  int megahertz(long device) {
    int[] megahertz = new int[1];
    return functions.nvmlDeviceGetClockInfo(device, MULTIPROCESSOR_CLOCK, megahertz) == 0
        ? megahertz[0]
        : 0;
  }

  /** The driver's version, for example {@code 580.95.05}. */
  String driverVersion() {
    byte[] version = new byte[96];
    return functions.nvmlSystemGetDriverVersion(version, version.length) == 0
        ? new String(version, StandardCharsets.US_ASCII).replace("\0", "").strip()
        : "unknown";
  }

  /** Share of the last sampling period in which a kernel ran; NaN where that is not counted. */
  public double utilisation(long device) {
    int[] rates = new int[2];
    return functions.nvmlDeviceGetUtilizationRates(device, rates) == 0
        ? rates[0] / 100.0
        : Double.NaN;
  }

  /**
   * Bytes that other processes than this one hold; -1 where the driver does not say, as in a
   * container that numbers processes anew.
   */
  public long othersBytes(long device) {
    try (Memory processes = new Memory((long) PROCESSES_MAX * PROCESS_BYTES)) {
      int[] count = {PROCESSES_MAX};
      int status = functions.nvmlDeviceGetComputeRunningProcesses_v3(device, count, processes);
      if (status != 0 || count[0] > PROCESSES_MAX) {
        return -1;
      }
      long own = ProcessHandle.current().pid();
      long others = 0;
      boolean seen = count[0] == 0;
      for (int i = 0; i < count[0]; i++) {
        long at = (long) i * PROCESS_BYTES;
        long used = processes.getLong(at + PROCESS_USED);
        if (used == NOT_AVAILABLE) {
          return -1;
        }
        boolean mine = Integer.toUnsignedLong(processes.getInt(at)) == own;
        seen |= mine;
        others += mine ? 0 : used;
      }
      return seen ? others : -1;
    }
  }

  private static void check(int status, String what) {
    if (status != 0) {
      throw new CudaException(
          "NVML, %s: error %d%s"
              .formatted(what, status, status == INSUFFICIENT_SIZE ? " (too small)" : ""),
          status);
    }
  }

  /** Idempotent. */
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      functions.nvmlShutdown();
    }
  }
}
