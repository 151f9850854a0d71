package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.cuda.kernel.CacheFolder;
import dev.millrace.cuda.kernel.CudaLibraries;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The GPU that tests run on. Without one they are skipped, and say why; with {@code
 * -Dgpu.required=true} they fail, so that a run on a GPU cannot pass by skipping.
 */
public final class Gpu {
  private static final Map<CudaSettings, CudaBackendFactory> FACTORIES = new HashMap<>();
  private static CudaParts parts;
  private static String problem;

  private Gpu() {}

  /**
   * The GPU of each of so many ranks: the first alone, or those of {@code -Dgpu.devices=0,1} in
   * turn.
   */
  public static List<Integer> devices(int ranks) {
    List<Integer> all =
        Arrays.stream(System.getProperty("gpu.devices", "0").split(",", -1))
            .map(Integer::valueOf)
            .toList();
    return IntStream.range(0, ranks).mapToObj(rank -> all.get(rank % all.size())).toList();
  }

  /** Skips or fails the calling test where there is no GPU. */
  public static void require() {
    parts();
  }

  /** What backends are opened with; skips or fails the calling test where there is no GPU. */
  static synchronized CudaParts parts() {
    if (parts == null && problem == null) {
      try {
        CudaDevices devices = CudaDevices.find();
        parts =
            new CudaParts(
                devices,
                CudaLibraries.find().forDriver(devices.driverVersion()),
                CacheFolder.usual());
        devices.require(0);
      } catch (CudaException e) {
        problem = e.getMessage();
      }
    }
    if (problem != null) {
      String sentence = "needs a GPU: " + problem;
      if (Boolean.getBoolean("gpu.required")) {
        fail(sentence);
      }
      abort(sentence);
    }
    return parts;
  }

  /**
   * A factory of backends, kept for all tests with its settings: a context for every test would
   * take longer than the tests.
   */
  static synchronized CudaBackendFactory backends(CudaSettings settings) {
    CudaParts opened = parts();
    return FACTORIES.computeIfAbsent(settings, s -> new CudaBackendFactory(opened, s));
  }
}
