package dev.millrace.cuda.device;

import java.time.Duration;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.JCudaDriver;

/** A mark in a stream: whether work has come this far, and when. */
public final class CudaEvent implements AutoCloseable {
  private final CUevent handle = new CUevent();

  public CudaEvent() {
    this(CUevent_flags.CU_EVENT_DEFAULT);
  }

  private CudaEvent(int flags) {
    Driver.check(JCudaDriver.cuEventCreate(handle, flags), "creating an event");
  }

  /** A mark that does not tell when, and costs the device less. */
  public static CudaEvent untimed() {
    return new CudaEvent(CUevent_flags.CU_EVENT_DISABLE_TIMING);
  }

  public void record(CudaStream stream) {
    Driver.check(JCudaDriver.cuEventRecord(handle, stream.handle()), "recording an event");
  }

  /** Waits until the stream has come here. */
  public void await() {
    Driver.check(JCudaDriver.cuEventSynchronize(handle), "waiting for the device");
  }

  /**
   * Waits until the stream has come here.
   *
   * @throws CudaException if work before it failed, or the deadline passed
   */
  public void await(Duration deadline) {
    Waiting.until(() -> JCudaDriver.cuEventQuery(handle), deadline);
  }

  /** Makes what comes next in a stream wait until this mark has passed in its own. */
  public void holdBack(CudaStream stream) {
    Driver.check(JCudaDriver.cuStreamWaitEvent(stream.handle(), handle, 0), "ordering two streams");
  }

  /** Milliseconds on the device from an earlier event to this one; both must have passed. */
  public float millisSince(CudaEvent earlier) {
    float[] millis = new float[1];
    Driver.check(JCudaDriver.cuEventSynchronize(handle), "waiting for an event");
    Driver.check(
        JCudaDriver.cuEventElapsedTime(millis, earlier.handle, handle), "time between events");
    return millis[0];
  }

  @Override
  public void close() {
    Driver.check(JCudaDriver.cuEventDestroy(handle), "closing an event");
  }
}
