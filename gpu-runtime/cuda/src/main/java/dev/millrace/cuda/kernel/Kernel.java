package dev.millrace.cuda.kernel;

import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.device.Driver;
import jcuda.driver.CUfunction;
import jcuda.driver.CUfunction_attribute;
import jcuda.driver.JCudaDriver;

/** An entry point of a loaded kernel file. */
public final class Kernel {
  private static final int SHARED_BYTES_WITHOUT_ASKING = 48 * 1024;

  private final String name;
  private final CUfunction function;
  private int sharedBytesMax = SHARED_BYTES_WITHOUT_ASKING;

  Kernel(String name, CUfunction function) {
    this.name = name;
    this.function = function;
  }

  /** Lets launches ask for more shared memory than every kernel may. */
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
        JCudaDriver.cuLaunchKernel(
            function,
            gridX,
            gridY,
            1,
            block,
            1,
            1,
            sharedBytes,
            stream.handle(),
            arguments.pointers(),
            null),
        "launching " + name);
  }
}
