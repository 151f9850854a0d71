package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.kernel.CacheFolder;
import dev.millrace.cuda.kernel.CudaLibraries;
import dev.millrace.cuda.kernel.KernelCompiler;
import dev.millrace.cuda.matmul.AlgorithmStore;
import dev.millrace.cuda.matmul.CublasLt;
import java.util.HashMap;
import java.util.Map;

/**
 * What all ranks of a process share: devices, libraries, compiler, chosen algorithms. Thread-safe.
 */
final class CudaParts {
  private final CudaDevices devices;
  private final CacheFolder cache;
  private final KernelCompiler compiler;
  private final CublasLt cublasLt;
  private final Map<String, AlgorithmStore> algorithms = new HashMap<>();

  /**
   * @throws dev.millrace.cuda.device.CudaException if GPU, driver or a library is missing, with
   *     what to do
   */
  CudaParts(CudaDevices devices, CudaLibraries libraries, CacheFolder cache) {
    this.devices = devices;
    this.cache = cache;
    devices.require(0);
    CudaLibraries fitting = libraries.forDriver(devices.driverVersion());
    compiler = KernelCompiler.open(fitting, cache);
    cublasLt = CublasLt.load(fitting);
  }

  CudaDevice device(int ordinal) {
    return devices.require(ordinal);
  }

  KernelCompiler compiler() {
    return compiler;
  }

  CublasLt cublasLt() {
    return cublasLt;
  }

  synchronized AlgorithmStore algorithms(CudaDevice device) {
    return algorithms.computeIfAbsent(
        device.name(), name -> new AlgorithmStore(cache, cublasLt, device));
  }
}
