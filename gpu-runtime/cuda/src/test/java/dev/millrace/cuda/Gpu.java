package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.cuda.device.DeviceContext;
import dev.millrace.cuda.kernel.CacheFolder;
import dev.millrace.cuda.kernel.CudaLibraries;

/**
 * The GPU that tests run on. Without one they are skipped, and say why; with {@code
 * -Dgpu.required=true} they fail, so that a run on a GPU cannot pass by skipping.
 */
final class Gpu {
  private static CudaParts parts;
  private static String problem;

  private Gpu() {}

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
        DeviceContext.open(devices.require(0)); // kept: opening one for every test takes longer
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
}
