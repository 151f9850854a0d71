package dev.millrace.cuda.kernel;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.device.Driver;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;

/** The kernels loaded into one device's context for one rank. Used by the rank's thread. */
public final class Kernels implements AutoCloseable {
  private record Key(KernelFile file, int headSize) {}

  /** From here on recordings keep what is launched early: CUDA 12.3. */
  private static final int EARLY_DRIVER = 12_030;

  private static final int EARLY_CAPABILITY = 90;

  private final KernelCompiler compiler;
  private final CudaDevice device;
  private final boolean early;
  private final Map<Key, CUmodule> modules = new HashMap<>();
  private final Map<String, Kernel> kernels = new HashMap<>();

  public Kernels(KernelCompiler compiler, CudaDevice device) {
    this.compiler = compiler;
    this.device = device;
    early =
        device.capability() >= EARLY_CAPABILITY && CudaDevices.versionOfDriver() >= EARLY_DRIVER;
  }

  /** An entry point of a file that does not depend on the size of heads. */
  public Kernel get(KernelFile file, String entry) {
    return get(file, entry, 0);
  }

  /**
   * An entry point; loads its file at the first call, and compiles it where the cache has not.
   *
   * @param headSize elements of a head
   */
  public Kernel get(KernelFile file, String entry, int headSize) {
    int size = file.isByHeadSize() ? headSize : 0;
    String name = size == 0 ? entry : entry + "." + size;
    Kernel kernel = kernels.get(name);
    if (kernel == null) {
      CUmodule module = module(file, size);
      Kernel.Handle function = new Kernel.Handle();
      Driver.check(
          JCudaDriver.cuModuleGetFunction(function, module, entry), "finding kernel " + name);
      // A step's first kernel is not early: those behind it may start early, but not before all
      // steps before have ended.
      kernel = new Kernel(name, function, early && file != KernelFile.EMBED);
      kernels.put(name, kernel);
    }
    return kernel;
  }

  /** Loads a file ahead of its first use. */
  public void load(KernelFile file, int headSize) {
    module(file, file.isByHeadSize() ? headSize : 0);
  }

  private CUmodule module(KernelFile file, int size) {
    CUmodule module = modules.get(new Key(file, size));
    if (module == null) {
      module = new CUmodule();
      Driver.check(
          JCudaDriver.cuModuleLoadData(module, compiler.cubin(file, size, device)),
          "loading kernels of %s on %s".formatted(file.fileName(), device));
      modules.put(new Key(file, size), module);
    }
    return module;
  }

  /** Unloads all. Idempotent. */
  @Override
  public void close() {
    List<CUmodule> loaded = new ArrayList<>(modules.values());
    modules.clear();
    kernels.clear();
    for (CUmodule module : loaded) {
      Driver.check(JCudaDriver.cuModuleUnload(module), "unloading kernels");
    }
  }
}
