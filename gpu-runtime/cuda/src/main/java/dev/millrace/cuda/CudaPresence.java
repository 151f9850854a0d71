package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.cuda.kernel.CudaLibraries;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Whether this machine's GPUs can be used.
 *
 * @param devices those asked about
 * @param problem why they cannot, and what to do; empty where they can
 */
public record CudaPresence(List<CudaDevice> devices, Optional<String> problem) {
  /** What the driver puts there on Linux, and the subsystem for Linux of Windows. */
  private static final List<String> DRIVER_FILES =
      List.of("/dev/nvidiactl", "/proc/driver/nvidia/version", "/dev/dxg");

  private static final List<String> LIBRARIES = List.of("libnvrtc.so", "libcublasLt.so");

  public CudaPresence {
    devices = List.copyOf(devices);
  }

  public boolean isUsable() {
    return problem.isEmpty();
  }

  /**
   * Looks. Without a driver this touches a few files and loads nothing; with one, the driver is
   * started, which takes up to a second. Never throws: no GPU is an answer.
   *
   * @param ordinals GPUs that are to be used
   */
  public static CudaPresence look(List<Integer> ordinals) {
    if (DRIVER_FILES.stream().noneMatch(file -> Files.exists(Path.of(file)))) {
      return none("no NVIDIA driver is loaded here");
    }
    List<CudaDevice> found = new ArrayList<>();
    try {
      CudaDevices devices = CudaDevices.find();
      for (int ordinal : ordinals) {
        found.add(devices.require(ordinal));
      }
      CudaLibraries libraries = CudaLibraries.find().forDriver(devices.driverVersion());
      for (String library : LIBRARIES) {
        libraries.require(library);
      }
    } catch (CudaException e) {
      return none(e.getMessage());
    }
    return new CudaPresence(found, Optional.empty());
  }

  private static CudaPresence none(String problem) {
    return new CudaPresence(List.of(), Optional.of(problem));
  }
}
