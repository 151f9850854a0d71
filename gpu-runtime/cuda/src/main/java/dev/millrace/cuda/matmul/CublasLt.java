package dev.millrace.cuda.matmul;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.cuda.kernel.CudaLibraries;

/**
 * cuBLASLt, bound by JNA: JCuda has no binding. Pointers are addresses. One instance a process; the
 * library's handles may be used from several threads.
 */
public final class CublasLt {
  static final int R_32F = 0;
  static final int R_16BF = 14;
  static final int COMPUTE_32F = 68;
  static final int OPERATION_NONE = 0;
  static final int OPERATION_TRANSPOSE = 1;
  static final int EPILOGUE_BIAS = 4;
  static final int DESCRIPTOR_TRANSA = 3;
  static final int DESCRIPTOR_EPILOGUE = 7;
  static final int DESCRIPTOR_BIAS_POINTER = 8;
  static final int PREFERENCE_WORKSPACE_BYTES = 1;
  static final int PREFERENCE_REDUCTION_SCHEMES = 3;

  /** No split products. */
  static final int REDUCTION_NONE = 0;

  /** Parts of a split product are summed in float32, never in the type of the result. */
  static final int REDUCTION_COMPUTE_TYPE = 2;

  /** cublasLtMatmulAlgo_t. */
  static final int ALGORITHM_BYTES = 64;

  /** cublasLtMatmulHeuristicResult_t: algorithm, u64 workspace, i32 status, f32 waves, 4 x i32. */
  static final int HEURISTIC_BYTES = 96;

  static final int HEURISTIC_WORKSPACE = 64;
  static final int HEURISTIC_STATUS = 72;

  static final int EXECUTION_FAILED = 13;
  static final int NOT_SUPPORTED = 15;

  private static final String[] STATUS = {
    "success",
    "not initialized",
    "",
    "allocation failed",
    "",
    "",
    "",
    "invalid value",
    "architecture mismatch",
    "",
    "",
    "mapping error",
    "",
    "execution failed",
    "internal error",
    "not supported",
    "license error"
  };

  /** The C functions. */
  static final class Functions {
    native int cublasLtCreate(long[] handle);

    native int cublasLtDestroy(long handle);

    native long cublasLtGetVersion();

    native int cublasLtMatmulDescCreate(long[] descriptor, int computeType, int scaleType);

    native int cublasLtMatmulDescDestroy(long descriptor);

    native int cublasLtMatmulDescSetAttribute(
        long descriptor, int attribute, long[] value, long size);

    native int cublasLtMatrixLayoutCreate(
        long[] layout, int type, long rows, long columns, long leading);

    native int cublasLtMatrixLayoutDestroy(long layout);

    native int cublasLtMatmulPreferenceCreate(long[] preference);

    native int cublasLtMatmulPreferenceDestroy(long preference);

    native int cublasLtMatmulPreferenceSetAttribute(
        long preference, int attribute, long[] value, long size);

    native int cublasLtMatmulAlgoGetHeuristic(
        long handle,
        long descriptor,
        long a,
        long b,
        long c,
        long d,
        long preference,
        int requested,
        byte[] results,
        int[] returned);

    native int cublasLtMatmulAlgoCheck(
        long handle,
        long descriptor,
        long a,
        long b,
        long c,
        long d,
        byte[] algorithm,
        byte[] result);

    native int cublasLtMatmul(
        long handle,
        long descriptor,
        float[] alpha,
        long a,
        long aLayout,
        long b,
        long bLayout,
        float[] beta,
        long c,
        long cLayout,
        long d,
        long dLayout,
        byte[] algorithm,
        long workspace,
        long workspaceBytes,
        long stream);
  }

  final Functions functions = new Functions();

  private CublasLt(NativeLibrary library) {
    Native.register(Functions.class, library);
  }

  /**
   * Loads the library.
   *
   * @throws CudaException if it is not installed, with what to do
   */
  public static CublasLt load(CudaLibraries libraries) {
    return new CublasLt(libraries.open("libcublasLt.so"));
  }

  /** As the library counts: 130100 is 13.1.0. */
  public long version() {
    return functions.cublasLtGetVersion();
  }

  static void check(int status, String what) {
    if (status != 0) {
      String text = status > 0 && status < STATUS.length ? STATUS[status] : "";
      throw new CudaException("cuBLASLt, %s: %s (%d)".formatted(what, text, status), status);
    }
  }
}
