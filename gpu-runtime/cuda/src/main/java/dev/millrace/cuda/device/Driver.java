package dev.millrace.cuda.device;

import java.util.Set;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;

/** Checks what the driver answers, and makes its pointers from addresses. */
public final class Driver {
  private static final int OUT_OF_MEMORY = 2;

  /** Errors of kernels after which a process can do nothing more with its GPU. */
  private static final Set<Integer> CONTEXT_LOST =
      Set.of(214, 220, 226, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719);

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
    return new CudaException(
        "%s: %s (%d, %s)%s".formatted(what, name[0], result, text[0], advice(result)), result);
  }

  private static String advice(int result) {
    if (result == OUT_OF_MEMORY) {
      return "; another process may hold memory of this GPU, or the plan is too large: ask for a smaller KV cache or fewer sequences";
    }
    if (CONTEXT_LOST.contains(result)) {
      return "; this process can no longer use the GPU: run the job again, finished rows are kept; if it comes again, look for Xid errors in the kernel log (dmesg), or let compute-sanitizer find the place";
    }
    return "";
  }

  /** The driver's view of an address in device memory. */
  public static CUdeviceptr pointer(long address) {
    return new CUdeviceptr().withByteOffset(address);
  }
}
