package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.cuda.kernel.CacheFolder;
import dev.millrace.cuda.kernel.CudaLibraries;
import dev.millrace.cuda.kernel.KernelCompiler;
import dev.millrace.cuda.matmul.AlgorithmStore;
import dev.millrace.cuda.matmul.CublasLt;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

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
    this(devices, cache, KernelCompiler.open(libraries, cache), CublasLt.load(libraries));
    devices.require(0);
  }

  /** Parts that were made before. */
  CudaParts(CudaDevices devices, CacheFolder cache, KernelCompiler compiler, CublasLt cublasLt) {
    this.devices = devices;
    this.cache = cache;
    this.compiler = compiler;
    this.cublasLt = cublasLt;
  }

  /**
   * Starts the driver and loads the libraries, all at once.
   *
   * @throws CudaException if GPU, driver or a library is missing, with what to do
   */
  static CudaParts open() {
    CudaLibraries libraries = CudaLibraries.find().forDriver(CudaDevices.versionOfDriver());
    CacheFolder cache = CacheFolder.usual();
    CompletableFuture<KernelCompiler> compiler =
        CompletableFuture.supplyAsync(() -> KernelCompiler.open(libraries, cache));
    CompletableFuture<CublasLt> cublasLt =
        CompletableFuture.supplyAsync(() -> CublasLt.load(libraries));
    CudaDevices devices = CudaDevices.find();
    devices.require(0); // a missing driver is told before a missing library
    try {
      return new CudaParts(devices, cache, compiler.join(), cublasLt.join());
    } catch (CompletionException e) {
      if (e.getCause() instanceof CudaException known) {
        throw known;
      }
      throw e;
    }
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
