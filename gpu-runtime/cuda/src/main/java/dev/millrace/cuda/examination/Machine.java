package dev.millrace.cuda.examination;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.device.PeerAccess;
import dev.millrace.cuda.kernel.CudaLibraries;
import java.util.List;
import java.util.Optional;

/** What an examination asks of a machine. */
interface Machine {
  CudaDevices devices();

  /** The driver's release, as 580.82.07, where the system tells. */
  Optional<String> driverRelease();

  /** Places on the PCI bus of NVIDIA's devices, driver or not. */
  List<String> nvidiaHardware();

  List<PeerAccess> peers(List<CudaDevice> devices);

  CudaLibraries libraries();

  /**
   * Name and version of the compiler.
   *
   * @throws dev.millrace.cuda.device.CudaException if it cannot be loaded, with what to do
   */
  String compiler(CudaLibraries libraries);

  /**
   * Version of cuBLASLt.
   *
   * @throws dev.millrace.cuda.device.CudaException if it cannot be loaded, with what to do
   */
  String products(CudaLibraries libraries);

  /** Bytes of the device's memory that are free. */
  long freeBytes(CudaDevice device);

  /**
   * Compiles a kernel, runs it and a product, checks both, and measures.
   *
   * @throws dev.millrace.cuda.device.CudaException if a step of it fails
   */
  Trial.Outcome tryOut(CudaDevice device, CudaLibraries libraries);
}
