package dev.millrace.engine;

import com.sun.management.OperatingSystemMXBean;
import dev.millrace.api.engine.DeviceReading;
import dev.millrace.api.engine.MemoryProbe;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * This process's own memory: what the system keeps resident for it, pages of mapped files left out,
 * since it may drop those at any time. Where the system does not say, the heap in use.
 */
final class HostProbe implements MemoryProbe {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final String RESIDENT = "RssAnon:";
  private static final int KIB = 1024;

  private final List<Integer> ranks;

  /**
   * @param ranks that run in this process
   */
  HostProbe(List<Integer> ranks) {
    this.ranks = List.copyOf(ranks);
  }

  @Override
  public List<DeviceReading> read() {
    OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    double load = system.getProcessCpuLoad();
    return List.of(
        new DeviceReading(
            "host",
            ranks,
            residentBytes(),
            system.getTotalMemorySize(),
            0,
            load < 0 ? Double.NaN : load));
  }

  private static long residentBytes() {
    try {
      for (String line : Files.readAllLines(STATUS)) {
        if (line.startsWith(RESIDENT)) {
          String kib = line.substring(RESIDENT.length()).replace("kB", "").strip();
          return Long.parseLong(kib) * KIB;
        }
      }
    } catch (IOException e) {
      // not Linux: told from the heap below
    }
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }

  @Override
  public void close() {}
}
