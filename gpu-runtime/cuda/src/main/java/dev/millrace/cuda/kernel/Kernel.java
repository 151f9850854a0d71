package dev.millrace.cuda.kernel;

import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.device.Driver;
import jcuda.driver.CUfunction;
import jcuda.driver.CUfunction_attribute;
import jcuda.driver.JCudaDriver;

/** An entry point of a loaded kernel file. */
public final class Kernel {
  private static final int SHARED_PERCENT = 100;

  /** A function's handle as the driver's own interface takes it. */
  static final class Handle extends CUfunction {
    private long address() {
      return getNativePointer();
    }
  }

  private final String name;
  private final Handle function;
  private final boolean early;
  private int sharedBytesMax;

  /**
   * @param early whether launches may start before the work ahead of them has ended
   */
  Kernel(String name, Handle function, boolean early) {
    this.name = name;
    this.function = function;
    this.early = early;
    // One split of a multiprocessor's memory for all kernels: it can only change while nothing runs
    // there, which would keep blocks of two kernels apart.
    Driver.check(
        JCudaDriver.cuFuncSetAttribute(
            function,
            CUfunction_attribute.CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT,
            SHARED_PERCENT),
        "shared memory first for " + name);
  }

  /**
   * Lets launches have so much shared memory besides what the kernel declares; unasked they may
   * have 48 KiB of both together.
   */
  public Kernel withSharedBytes(int bytes) {
    if (bytes > sharedBytesMax) {
      Driver.check(
          JCudaDriver.cuFuncSetAttribute(
              function,
              CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
              bytes),
          "%d bytes of shared memory for %s".formatted(bytes, name));
      sharedBytesMax = bytes;
    }
    return this;
  }

  /**
   * Puts a launch into a stream; nothing where a dimension of the grid is 0.
   *
   * @param arguments as the kernel declares them
   */
  public void launch(
      int gridX, int gridY, int block, int sharedBytes, Arguments arguments, CudaStream stream) {
    if (gridX == 0 || gridY == 0) {
      return;
    }
    Driver.check(
        arguments
            .configuration()
            .launch(function.address(), gridX, gridY, block, sharedBytes, early, arguments, stream),
        "launching " + name);
  }
}
