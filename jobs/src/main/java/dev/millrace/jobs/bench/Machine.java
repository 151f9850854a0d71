package dev.millrace.jobs.bench;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.workspace.FileRegion;
import dev.millrace.api.workspace.TensorEntry;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.cuda.CudaCeilings;
import dev.millrace.cuda.CudaExecutors;
import dev.millrace.cuda.CudaPresence;
import dev.millrace.cuda.ReadRate;
import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.GpuGauges;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What computes.
 *
 * @param device the name that its driver, or the system, gives it
 * @param driver the GPU driver's version; null on the CPU
 * @param gauges of the first rank's GPU; empty where there are none
 */
record Machine(String device, String driver, Optional<GpuGauges> gauges) {
  private static final Path PROCESSORS = Path.of("/proc/cpuinfo");
  private static final Path DRIVER = Path.of("/proc/driver/nvidia/version");
  private static final Pattern PROCESSOR = Pattern.compile("model name\\s*:\\s*(.+)");
  private static final Pattern DRIVER_VERSION = Pattern.compile("\\s(\\d+\\.\\d+(\\.\\d+)?)\\s");

  /** The GPU of the first rank, or the CPU. */
  static Machine here(EngineSettings engine) {
    if (isGpu(engine)) {
      CudaPresence gpus = CudaPresence.look(engine.devicesOfRanks());
      if (gpus.isUsable()) {
        return of(gpus.devices().get(0));
      }
    }
    return new Machine(
        first(PROCESSORS, PROCESSOR, System.getProperty("os.arch"))
            + ", "
            + Runtime.getRuntime().availableProcessors()
            + " processors",
        null,
        Optional.empty());
  }

  private static Machine of(CudaDevice gpu) {
    Optional<GpuGauges> gauges = GpuGauges.open(gpu);
    String driver =
        gauges.map(GpuGauges::driverVersion).orElse(first(DRIVER, DRIVER_VERSION, "unknown"));
    return new Machine(gpu.name(), driver, gauges);
  }

  /**
   * What the first rank's device can do at most, measured now; unknown on the CPU.
   *
   * @param folder the workspace whose weights are read
   */
  static Ceilings ceilings(EngineSettings engine, Path folder)
      throws IOException, InterruptedException {
    if (!isGpu(engine)) {
      return Ceilings.UNKNOWN;
    }
    CudaCeilings found = CudaCeilings.measure(engine.devicesOfRanks().get(0));
    List<FileRegion> weights = new ArrayList<>();
    try (Workspace workspace = Workspace.open(folder)) {
      for (TensorEntry tensor : workspace.manifest().tensors()) {
        weights.addAll(workspace.part(tensor.name(), 1, 0).files());
      }
    }
    return new Ceilings(
        found.bytesPerSecond(),
        found.flopsPerSecond(),
        found.uploadBytesPerSecond(),
        ReadRate.bytesPerSecond(weights),
        "measured: copy, product of 8192 x 8192");
  }

  private static boolean isGpu(EngineSettings engine) {
    return engine.backend().equals(CudaExecutors.FAMILY);
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
