package dev.millrace.cuda.device;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/** A queue of work on a device. */
public final class CudaStream implements AutoCloseable {
  private static final int NOT_READY = 600;

  /** How long a wait spins before it parks: a step's last microseconds. */
  private static final long SPIN_NANOS = 200_000;

  private static final long PARK_NANOS = 50_000;

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
    long start = System.nanoTime();
    while (true) {
      int result = JCudaDriver.cuStreamQuery(handle);
      if (result == 0) {
        return;
      }
      if (result != NOT_READY) {
        throw Driver.failure(result, "work on the device");
      }
      long waited = System.nanoTime() - start;
      if (waited > deadline.toNanos()) {
        throw new CudaException(
            "the device has not finished after %d ms; it hangs or is shared with other work: see nvidia-smi"
                .formatted(deadline.toMillis()),
            0);
      }
      if (waited < SPIN_NANOS) {
        Thread.onSpinWait();
      } else {
        LockSupport.parkNanos(PARK_NANOS);
      }
      if (Thread.interrupted()) {
        Thread.currentThread().interrupt();
        throw new CudaException("interrupted while the device works", 0);
      }
    }
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
