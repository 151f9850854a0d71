package dev.millrace.cuda.device;

/** A CUDA library refused a call, or work on a device failed. */
public final class CudaException extends RuntimeException {
  private final int code;

  /**
   * @param code the library's own error number, 0 where there is none
   */
  public CudaException(String message, int code) {
    super(message);
    this.code = code;
  }

  public CudaException(String message, Throwable cause) {
    super(message, cause);
    this.code = 0;
  }

  public int code() {
    return code;
  }
}
