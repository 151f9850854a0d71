package dev.millrace.cuda.device;

import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;

/** Checks what the driver answers, and makes its pointers from addresses. */
public final class Driver {
  private static final int OUT_OF_MEMORY = 2;

  private Driver() {}

  /**
   * Passes a result that is no error.
   *
   * @param result what a driver function returned
   * @param what what was being done, for the error
   * @throws CudaException if it is an error
   */
  public static void check(int result, String what) {
    if (result != 0) {
      throw failure(result, what);
    }
  }

  static CudaException failure(int result, String what) {
    String[] name = {"unknown error"};
    String[] text = {""};
    JCudaDriver.cuGetErrorName(result, name);
    JCudaDriver.cuGetErrorString(result, text);
    String advice =
        result == OUT_OF_MEMORY
            ? "; another process may hold memory of this GPU, or the plan is too large: ask for a smaller KV cache or fewer sequences"
            : "";
    return new CudaException(
        "%s: %s (%d, %s)%s".formatted(what, name[0], result, text[0], advice), result);
  }

  /** The driver's view of an address in device memory. */
  public static CUdeviceptr pointer(long address) {
    return new CUdeviceptr().withByteOffset(address);
  }
}
