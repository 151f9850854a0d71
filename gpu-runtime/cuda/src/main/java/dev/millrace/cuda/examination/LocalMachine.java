package dev.millrace.cuda.examination;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.device.DeviceContext;
import dev.millrace.cuda.device.PeerAccess;
import dev.millrace.cuda.kernel.CacheFolder;
import dev.millrace.cuda.kernel.CudaLibraries;
import dev.millrace.cuda.kernel.KernelCompiler;
import dev.millrace.cuda.matmul.CublasLt;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** This machine. */
final class LocalMachine implements Machine {
  private static final Path DRIVER_VERSION = Path.of("/sys/module/nvidia/version");
  private static final Path PCI_DEVICES = Path.of("/sys/bus/pci/devices");
  private static final String NVIDIA = "0x10de";
  private static final String DISPLAY_CLASS = "0x03";

  @Override
  public CudaDevices devices() {
    return CudaDevices.find();
  }

  @Override
  public Optional<String> driverRelease() {
    return text(DRIVER_VERSION);
  }

  @Override
  public List<String> nvidiaHardware() {
    List<String> places = new ArrayList<>();
    if (Files.isDirectory(PCI_DEVICES)) {
      try (DirectoryStream<Path> devices = Files.newDirectoryStream(PCI_DEVICES)) {
        for (Path device : devices) {
          if (text(device.resolve("vendor")).filter(NVIDIA::equals).isPresent()
              && text(device.resolve("class")).orElse("").startsWith(DISPLAY_CLASS)) {
            places.add(device.getFileName().toString());
          }
        }
      } catch (IOException e) {
        return List.of(); // a container may hide its bus: then there is nothing to tell
      }
    }
    places.sort(null);
    return places;
  }

  /** What a file of the kernel says, where it may be read. */
  private static Optional<String> text(Path file) {
    try {
      return Optional.of(Files.readString(file).strip());
    } catch (IOException e) {
      return Optional.empty(); // no such device, or a container that hides it
    }
  }

  @Override
  public List<PeerAccess> peers(List<CudaDevice> devices) {
    return PeerAccess.among(devices);
  }

  @Override
  public CudaLibraries libraries() {
    return CudaLibraries.find();
  }

  @Override
  public String compiler(CudaLibraries libraries) {
    return KernelCompiler.open(libraries, CacheFolder.usual()).version();
  }

  @Override
  public String products(CudaLibraries libraries) {
    long version = CublasLt.load(libraries).version();
    return version / 10000 + "." + version / 100 % 100 + "." + version % 100;
  }

  @Override
  public long freeBytes(CudaDevice device) {
    try (DeviceContext context = DeviceContext.open(device)) {
      return context.freeBytes();
    }
  }

  @Override
  public Trial.Outcome tryOut(CudaDevice device, CudaLibraries libraries) {
    return new Trial(device, libraries).run();
  }
}
