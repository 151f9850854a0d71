package dev.millrace.cuda.device;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntSupplier;

/** Waits of the host for a device: each has a deadline and ends when the thread is interrupted. */
final class Waiting {
  private static final int NOT_READY = 600;

  /** How long a wait spins before it parks: a step's last microseconds. */
  private static final long SPIN_NANOS = 200_000;

  private static final long PARK_NANOS = 50_000;

  private Waiting() {}

  /**
   * Asks until the answer is success.
   *
   * @param query gives a driver's result, of which 600 says that work has not come so far
   * @throws CudaException if the work failed, or the deadline passed
   */
  static void until(IntSupplier query, Duration deadline) {
    long start = System.nanoTime();
    while (true) {
      int result = query.getAsInt();
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
}
