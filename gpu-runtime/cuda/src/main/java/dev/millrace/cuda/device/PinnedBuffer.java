package dev.millrace.cuda.device;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.Pointer;
import jcuda.driver.JCudaDriver;

/** Host memory that a device can copy from and to while the host works on. */
public final class PinnedBuffer implements AutoCloseable {
  private static final int PORTABLE = 1;
  private static final int DEVICE_MAPPED = 2;

  private static final class Base extends Pointer {
    long address() {
      return getNativePointer() + getByteOffset();
    }
  }

  private final Base base = new Base();
  private final ByteBuffer bytes;
  private boolean closed;

  /**
   * @throws CudaException if the system has not as much memory to pin
   */
  public PinnedBuffer(int size) {
    Driver.check(
        JCudaDriver.cuMemHostAlloc(base, size, PORTABLE | DEVICE_MAPPED),
        "pinning %d bytes of host memory".formatted(size));
    bytes = base.getByteBuffer(0, size).order(ByteOrder.nativeOrder());
    com.sun.jna.Native.getDirectBufferPointer(bytes).clear(size);
  }

  /** The bytes, in native order; valid until closed. */
  public ByteBuffer bytes() {
    return bytes;
  }

  /** Address for the host and, memory being unified, for every device. */
  public long address() {
    return base.address();
  }

  Pointer pointer(long offset) {
    return base.withByteOffset(offset);
  }

  /** Copies to the device in the order of the stream; the bytes must stay until it has run. */
  public void upload(long offset, long deviceAddress, long count, CudaStream stream) {
    if (count > 0) {
      Driver.check(
          JCudaDriver.cuMemcpyHtoDAsync(
              Driver.pointer(deviceAddress), pointer(offset), count, stream.handle()),
          "copying to the device");
    }
  }

  /** Copies from the device in the order of the stream. */
  public void download(long offset, long deviceAddress, long count, CudaStream stream) {
    if (count > 0) {
      Driver.check(
          JCudaDriver.cuMemcpyDtoHAsync(
              pointer(offset), Driver.pointer(deviceAddress), count, stream.handle()),
          "copying from the device");
    }
  }

  /** Idempotent. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      Driver.check(JCudaDriver.cuMemFreeHost(base), "giving back pinned memory");
    }
  }
}
