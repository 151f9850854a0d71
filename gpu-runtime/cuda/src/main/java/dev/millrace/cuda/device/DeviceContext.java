package dev.millrace.cuda.device;

import jcuda.driver.CUcontext;
import jcuda.driver.JCudaDriver;

/**
 * A device's primary context, current on the thread that opened it: the one cuBLASLt works in too.
 * Ranks that share a device share it.
 */
public final class DeviceContext implements AutoCloseable {
  private static final int PEER_ACCESS_ALREADY_ENABLED = 704;

  private final CudaDevice device;
  private final CUcontext handle;
  private boolean closed;

  private DeviceContext(CudaDevice device, CUcontext handle) {
    this.device = device;
    this.handle = handle;
  }

  public static DeviceContext open(CudaDevice device) {
    CUcontext context = new CUcontext();
    Driver.check(
        JCudaDriver.cuDevicePrimaryCtxRetain(context, CudaDevices.handle(device.ordinal())),
        "opening " + device);
    DeviceContext opened = new DeviceContext(device, context);
    opened.use();
    return opened;
  }

  /** Makes this the context of the calling thread. */
  public void use() {
    Driver.check(JCudaDriver.cuCtxSetCurrent(handle), "using " + device);
  }

  public CudaDevice device() {
    return device;
  }

  /** Bytes of the device's memory that are free now. */
  public long freeBytes() {
    long[] free = new long[1];
    long[] total = new long[1];
    Driver.check(JCudaDriver.cuMemGetInfo(free, total), "free memory of " + device);
    return free[0];
  }

  /** Lets this device's kernels read the memory of another one. Idempotent. */
  public void enablePeer(CudaDevice peer) {
    if (peer.ordinal() == device.ordinal()) {
      return;
    }
    int[] can = new int[1];
    Driver.check(
        JCudaDriver.cuDeviceCanAccessPeer(
            can, CudaDevices.handle(device.ordinal()), CudaDevices.handle(peer.ordinal())),
        "peer access");
    if (can[0] == 0) {
      throw new CudaException(
          "%s cannot read the memory of %s: ranks need GPUs joined by NVLink or peer-to-peer PCIe; use --tp 1 and more replicas, or other devices"
              .formatted(device, peer),
          0);
    }
    CUcontext other = new CUcontext();
    Driver.check(
        JCudaDriver.cuDevicePrimaryCtxRetain(other, CudaDevices.handle(peer.ordinal())),
        "opening " + peer);
    int result = JCudaDriver.cuCtxEnablePeerAccess(other, 0);
    Driver.check(
        JCudaDriver.cuDevicePrimaryCtxRelease(CudaDevices.handle(peer.ordinal())),
        "leaving " + peer);
    if (result != 0 && result != PEER_ACCESS_ALREADY_ENABLED) {
      throw Driver.failure(result, "peer access from %s to %s".formatted(device, peer));
    }
  }

  /** Gives the context back; the last to do so frees what the driver holds. Idempotent. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    Driver.check(
        JCudaDriver.cuDevicePrimaryCtxRelease(CudaDevices.handle(device.ordinal())),
        "leaving " + device);
  }
}
