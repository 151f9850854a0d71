package dev.millrace.cuda.device;

import com.sun.jna.NativeLibrary;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.JCudaDriver;

/**
 * The GPUs this process can see, or the sentence that says why it sees none. Looking takes the
 * driver's start-up time, up to a second.
 *
 * @param driverVersion as the driver counts: 1000 major + 10 minor; 0 where there is none
 * @param devices in the driver's order
 * @param problem why there are none, and what to do; empty where there are some
 */
public record CudaDevices(int driverVersion, List<CudaDevice> devices, Optional<String> problem) {
  /** Oldest driver: CUDA 12.0, for kernels compiled by NVRTC 12. */
  private static final int DRIVER_VERSION_MIN = 12000;

  private static final int NO_DEVICE = 100;
  private static final String DRIVER_LIBRARY = "libcuda.so.1";

  public CudaDevices {
    devices = List.copyOf(devices);
  }

  /** Asks the driver. Never throws: a machine without a GPU is an answer. */
  public static CudaDevices find() {
    int result;
    int[] version = new int[1];
    int[] count = new int[1];
    try {
      result = JCudaDriver.cuInit(0);
      JCudaDriver.cuDriverGetVersion(version);
      if (result == 0) {
        result = JCudaDriver.cuDeviceGetCount(count);
      }
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      return none(0, bindingProblem(e));
    }
    if (result == NO_DEVICE || (result == 0 && count[0] == 0)) {
      return none(
          version[0],
          "the NVIDIA driver is there but shows no GPU; check CUDA_VISIBLE_DEVICES and nvidia-smi, or run on the CPU with --backend cpu");
    }
    if (result != 0) {
      return none(
          version[0], Driver.failure(result, "the NVIDIA driver does not start").getMessage());
    }
    if (version[0] < DRIVER_VERSION_MIN) {
      return none(
          version[0],
          "the NVIDIA driver is too old: it knows CUDA %s, expected 12.0 or later (driver 525 or later); update it, or run on the CPU with --backend cpu"
              .formatted(versionText(version[0])));
    }
    List<CudaDevice> devices = new ArrayList<>();
    for (int ordinal = 0; ordinal < count[0]; ordinal++) {
      devices.add(describe(ordinal));
    }
    return new CudaDevices(version[0], devices, Optional.empty());
  }

  private static CudaDevices none(int version, String problem) {
    return new CudaDevices(version, List.of(), Optional.of(problem));
  }

  /** Tells a driver that is not there from a binding that cannot be loaded. */
  private static String bindingProblem(LinkageError error) {
    try {
      NativeLibrary.getInstance(DRIVER_LIBRARY);
    } catch (UnsatisfiedLinkError e) {
      return "the NVIDIA driver is not installed or not visible (%s); install it, in a container share the host's (--gpus all), or run on the CPU with --backend cpu"
          .formatted(loaderLine(e, DRIVER_LIBRARY));
    } catch (LinkageError e) {
      return unloadable(e); // JNA itself
    }
    return unloadable(error);
  }

  /**
   * The bindings unpack their native parts into the folder for temporary files and run them there.
   */
  private static String unloadable(LinkageError error) {
    return "the NVIDIA driver is there, but its Java binding cannot be loaded (%s); it needs libstdc++.so.6, and a folder for temporary files that may hold programs, found %s: name another in JAVA_OPTS=-Djava.io.tmpdir=FOLDER, or run on the CPU with --backend cpu"
        .formatted(loaderLine(error, ".so"), System.getProperty("java.io.tmpdir"));
  }

  /** The line in which the system's loader speaks, of a message of many. */
  private static String loaderLine(LinkageError error, String library) {
    List<String> lines = String.valueOf(error.getMessage()).lines().map(String::strip).toList();
    return lines.stream()
        .filter(line -> line.contains(library) && line.contains(": "))
        .findFirst()
        .orElse(lines.isEmpty() ? "no reason given" : lines.get(0));
  }

  /** What {@link #driverVersion} is, asked without starting the driver; 0 where there is none. */
  public static int versionOfDriver() {
    int[] version = new int[1];
    try {
      JCudaDriver.cuDriverGetVersion(version);
    } catch (UnsatisfiedLinkError | NoClassDefFoundError e) {
      return 0; // why, find() says
    }
    return version[0];
  }

  /** A version as people write it: 13000 is 13.0. */
  public static String versionText(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }

  private static CudaDevice describe(int ordinal) {
    CUdevice device = handle(ordinal);
    byte[] name = new byte[256];
    Driver.check(JCudaDriver.cuDeviceGetName(name, name.length, device), "name of GPU " + ordinal);
    String[] busId = {""};
    Driver.check(JCudaDriver.cuDeviceGetPCIBusId(busId, 32, device), "bus of GPU " + ordinal);
    long[] memory = new long[1];
    Driver.check(JCudaDriver.cuDeviceTotalMem(memory, device), "memory of GPU " + ordinal);
    return new CudaDevice(
        ordinal,
        new String(name, StandardCharsets.US_ASCII).replace("\0", "").strip(),
        busId[0].replace("\0", "").strip(),
        attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
        attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
        attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
        attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN),
        attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE),
        memory[0]);
  }

  static CUdevice handle(int ordinal) {
    CUdevice device = new CUdevice();
    Driver.check(JCudaDriver.cuDeviceGet(device, ordinal), "GPU " + ordinal);
    return device;
  }

  private static int attribute(CUdevice device, int attribute) {
    int[] value = new int[1];
    Driver.check(JCudaDriver.cuDeviceGetAttribute(value, attribute, device), "GPU attribute");
    return value[0];
  }

  /**
   * A GPU that kernels can run on.
   *
   * @throws CudaException saying what is missing and what to do
   */
  public CudaDevice require(int ordinal) {
    if (problem.isPresent()) {
      throw new CudaException(problem.get(), 0);
    }
    if (ordinal < 0 || ordinal >= devices.size()) {
      throw new CudaException(
          "GPU %d: expected a number from 0 to %d; see nvidia-smi"
              .formatted(ordinal, devices.size() - 1),
          0);
    }
    CudaDevice device = devices.get(ordinal);
    if (device.capability() < CudaDevice.CAPABILITY_MIN) {
      throw new CudaException(
          "%s is too old: expected compute capability 8.0 (Ampere) or later; run on the CPU with --backend cpu"
              .formatted(device),
          0);
    }
    return device;
  }
}
