package dev.millrace.jobs.bench;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.cuda.CudaExecutors;
import dev.millrace.cuda.CudaPresence;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What computes.
 *
 * @param device the name that its driver, or the system, gives it
 * @param driver the GPU driver's version; null on the CPU
 */
record Machine(String device, String driver) {
  private static final Path PROCESSORS = Path.of("/proc/cpuinfo");
  private static final Path DRIVER = Path.of("/proc/driver/nvidia/version");
  private static final Pattern PROCESSOR = Pattern.compile("model name\\s*:\\s*(.+)");
  private static final Pattern DRIVER_VERSION = Pattern.compile("\\s(\\d+\\.\\d+(\\.\\d+)?)\\s");

  /** The GPU of the first rank, or the CPU. */
  static Machine here(EngineSettings engine) {
    if (engine.backend().equals(CudaExecutors.FAMILY)) {
      CudaPresence gpus = CudaPresence.look(engine.devicesOfRanks());
      String name = gpus.isUsable() ? gpus.devices().get(0).name() : "unknown";
      return new Machine(name, first(DRIVER, DRIVER_VERSION, "unknown"));
    }
    return new Machine(
        first(PROCESSORS, PROCESSOR, System.getProperty("os.arch"))
            + ", "
            + Runtime.getRuntime().availableProcessors()
            + " processors",
        null);
  }

  private static String first(Path file, Pattern pattern, String otherwise) {
    try {
      Matcher matcher = pattern.matcher(Files.readString(file));
      return matcher.find() ? matcher.group(1).strip() : otherwise;
    } catch (IOException e) {
      return otherwise; // not Linux, or no such file in a container: a name is worth no failure
    }
  }
}
