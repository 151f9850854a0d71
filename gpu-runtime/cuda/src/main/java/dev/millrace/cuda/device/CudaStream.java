package dev.millrace.cuda.device;

import java.time.Duration;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/** A queue of work on a device. */
public final class CudaStream implements AutoCloseable {
  private static final class Handle extends CUstream {
    long address() {
      return getNativePointer();
    }
  }

  private final Handle handle = new Handle();
  private boolean closed;

  public CudaStream() {
    Driver.check(
        JCudaDriver.cuStreamCreate(handle, CUstream_flags.CU_STREAM_NON_BLOCKING),
        "creating a stream");
  }

  public CUstream handle() {
    return handle;
  }

  /** The handle as other CUDA libraries take it. */
  public long address() {
    return handle.address();
  }

  /** Copies within the device. */
  public void copy(long from, long to, long bytes) {
    Driver.check(
        JCudaDriver.cuMemcpyDtoDAsync(Driver.pointer(to), Driver.pointer(from), bytes, handle),
        "copying on the device");
  }

  /**
   * Waits until all work has run.
   *
   * @throws CudaException if some of it failed, or the deadline passed
   */
  public void await(Duration deadline) {
    Waiting.until(() -> JCudaDriver.cuStreamQuery(handle), deadline);
  }

  /** Idempotent. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      Driver.check(JCudaDriver.cuStreamDestroy(handle), "closing a stream");
    }
  }
}
