package dev.millrace.cuda.device;

import jcuda.driver.CUcontext;
import jcuda.driver.JCudaDriver;

/**
 * A context of its own on a device, current on the thread that opened it. Memory, kernels and
 * recordings belong to it, and cuBLASLt works in it too: ranks that share a device share it, and
 * all they took of the device goes with it. Not the device's primary context: that one the CUDA
 * runtime inside cuBLASLt would hold, half a gigabyte and more, until the process ends.
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

  /** Opens a context; takes about half a gigabyte of the device and some tenths of a second. */
  public static DeviceContext open(CudaDevice device) {
    CUcontext context = new CUcontext();
    Driver.check(
        JCudaDriver.cuCtxCreate(context, 0, CudaDevices.handle(device.ordinal())),
        "opening " + device);
    return new DeviceContext(device, context);
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

  /** Lets kernels of this context, the calling thread's, read the memory of another device's. */
  public void enablePeer(DeviceContext peer) {
    if (peer.device.ordinal() == device.ordinal()) {
      return;
    }
    int[] can = new int[1];
    Driver.check(
        JCudaDriver.cuDeviceCanAccessPeer(
            can, CudaDevices.handle(device.ordinal()), CudaDevices.handle(peer.device.ordinal())),
        "peer access");
    if (can[0] == 0) {
      throw new CudaException(
          "%s cannot read the memory of %s: ranks need GPUs joined by NVLink or peer-to-peer PCIe; use --tp 1 and more replicas, or other devices"
              .formatted(device, peer.device),
          0);
    }
    int result = JCudaDriver.cuCtxEnablePeerAccess(peer.handle, 0);
    if (result != 0 && result != PEER_ACCESS_ALREADY_ENABLED) {
      throw Driver.failure(result, "peer access from %s to %s".formatted(device, peer.device));
    }
  }

  /** Frees all that was taken in this context and is not given back yet. Idempotent. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    Driver.check(JCudaDriver.cuCtxDestroy(handle), "leaving " + device);
  }
}
