package dev.millrace.cuda.device;

import java.util.ArrayList;
import java.util.List;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_P2PAttribute;
import jcuda.driver.JCudaDriver;

/**
 * Whether one GPU reaches the memory of another.
 *
 * @param from ordinal of the GPU that reads
 * @param to ordinal of the GPU whose memory it is
 * @param possible whether kernels can read and write it
 * @param atomics whether atomic operations work too: over NVLink they do, over PCIe they do not
 * @param performanceRank the driver's rank of the connection, 0 the fastest of this machine
 */
public record PeerAccess(int from, int to, boolean possible, boolean atomics, int performanceRank) {

  /** All ordered pairs of different GPUs. */
  public static List<PeerAccess> among(List<CudaDevice> devices) {
    List<PeerAccess> pairs = new ArrayList<>();
    for (CudaDevice from : devices) {
      for (CudaDevice to : devices) {
        if (from.ordinal() != to.ordinal()) {
          pairs.add(between(from.ordinal(), to.ordinal()));
        }
      }
    }
    return pairs;
  }

  private static PeerAccess between(int from, int to) {
    CUdevice source = CudaDevices.handle(from);
    CUdevice target = CudaDevices.handle(to);
    int[] can = new int[1];
    Driver.check(JCudaDriver.cuDeviceCanAccessPeer(can, source, target), "peer access");
    if (can[0] == 0) {
      return new PeerAccess(from, to, false, false, 0);
    }
    int rank =
        attribute(CUdevice_P2PAttribute.CU_DEVICE_P2P_ATTRIBUTE_PERFORMANCE_RANK, source, target);
    int atomics =
        attribute(
            CUdevice_P2PAttribute.CU_DEVICE_P2P_ATTRIBUTE_NATIVE_ATOMIC_SUPPORTED, source, target);
    return new PeerAccess(from, to, true, atomics != 0, rank);
  }

  private static int attribute(int attribute, CUdevice from, CUdevice to) {
    int[] value = new int[1];
    Driver.check(JCudaDriver.cuDeviceGetP2PAttribute(value, attribute, from, to), "peer attribute");
    return value[0];
  }
}
