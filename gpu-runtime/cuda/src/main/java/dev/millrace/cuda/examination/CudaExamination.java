package dev.millrace.cuda.examination;

import static java.util.stream.Collectors.joining;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.cuda.device.PeerAccess;
import dev.millrace.cuda.kernel.CudaLibraries;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Looks at all that the CUDA backend needs, in the order in which a person would mend it: driver,
 * GPUs, how they reach each other, libraries, and each GPU at work. What it cannot find or do
 * becomes a finding, never an exception. Takes a few seconds and 512 MiB of each GPU; leaves
 * nothing behind. Loads the driver only when {@link #findings} is called.
 */
public final class CudaExamination {
  private static final String ON_THE_CPU = "models run on the CPU";

  private final Machine machine;

  CudaExamination(Machine machine) {
    this.machine = machine;
  }

  /** An examination of this machine. */
  public static CudaExamination ofThisMachine() {
    return new CudaExamination(new LocalMachine());
  }

  public List<CudaFinding> findings() {
    CudaDevices devices = machine.devices();
    if (devices.problem().isPresent()) {
      return List.of(without(devices, devices.problem().get()));
    }
    List<CudaFinding> findings = new ArrayList<>();
    String release = machine.driverRelease().map(text -> text + ", ").orElse("");
    findings.add(
        CudaFinding.good(
            "NVIDIA driver", release + "CUDA " + CudaDevices.versionText(devices.driverVersion())));
    devices.devices().forEach(device -> findings.add(describe(device)));
    if (devices.devices().size() > 1) {
      findings.add(peers(devices.devices()));
    }
    CudaLibraries libraries = machine.libraries().forDriver(devices.driverVersion());
    CudaFinding compiler = library("NVRTC", "libnvrtc.so", libraries, machine::compiler);
    CudaFinding products = library("cuBLASLt", "libcublasLt.so", libraries, machine::products);
    findings.add(compiler);
    findings.add(products);
    if (isGood(compiler) && isGood(products)) {
      for (CudaDevice device : devices.devices()) {
        if (device.capability() >= CudaDevice.CAPABILITY_MIN) {
          findings.add(atWork(device, libraries));
        }
      }
    }
    return findings;
  }

  private static boolean isGood(CudaFinding finding) {
    return finding.state() == CudaFinding.State.GOOD;
  }

  /** No GPU is no fault of a machine, unless there is one, or a driver, that does not work. */
  private CudaFinding without(CudaDevices devices, String problem) {
    List<String> hardware = machine.nvidiaHardware();
    if (hardware.isEmpty() && devices.driverVersion() == 0) {
      return CudaFinding.good("GPU", "none, " + ON_THE_CPU + ": " + problem);
    }
    String place =
        hardware.isEmpty() ? "" : "on the PCI bus at " + String.join(", ", hardware) + ": ";
    return CudaFinding.lacking("GPU", place + problem);
  }

  private CudaFinding describe(CudaDevice device) {
    String subject = "GPU " + device.ordinal();
    String what =
        "%s, compute capability %d.%d, %s of memory"
            .formatted(
                device.name(), device.major(), device.minor(), gibibytes(device.memoryBytes()));
    if (device.capability() < CudaDevice.CAPABILITY_MIN) {
      return CudaFinding.lacking(
          subject,
          what,
          "Too old: 8.0 (Ampere) or later is needed; use another, or --backend cpu.");
    }
    try {
      return CudaFinding.good(
          subject,
          "%s, %s free, PCI %s"
              .formatted(what, gibibytes(machine.freeBytes(device)), device.busId()));
    } catch (CudaException e) {
      return CudaFinding.lacking(
          subject, what + "; " + e.getMessage(), "See nvidia-smi for what else runs there.");
    }
  }

  private CudaFinding peers(List<CudaDevice> devices) {
    List<PeerAccess> pairs;
    try {
      pairs = machine.peers(devices);
    } catch (CudaException e) {
      return CudaFinding.lacking("peer access", e.getMessage(), "Use --tp 1, a replica a GPU.");
    }
    List<PeerAccess> none = pairs.stream().filter(pair -> !pair.possible()).toList();
    String found =
        List.of(
                group("NVLink", pairs.stream().filter(p -> p.possible() && p.atomics()).toList()),
                group("PCIe", pairs.stream().filter(p -> p.possible() && !p.atomics()).toList()),
                group("none", none))
            .stream()
            .filter(text -> !text.isEmpty())
            .collect(joining("; "));
    return none.isEmpty()
        ? CudaFinding.good("peer access", found)
        : CudaFinding.lacking(
            "peer access",
            found,
            "Ranks of one model need GPUs that reach each other: name such in --devices, or use"
                + " --tp 1; in a virtual machine or container let the GPUs see each other.");
  }

  /** For example {@code NVLink 0-1 0-2 1-2}: pairs both ways are told once. */
  private static String group(String name, List<PeerAccess> pairs) {
    String text =
        pairs.stream()
            .filter(pair -> pair.from() < pair.to() || !hasReverse(pair, pairs))
            .map(pair -> pair.from() + "-" + pair.to())
            .collect(joining(" "));
    return text.isEmpty() ? "" : name + " " + text;
  }

  private static boolean hasReverse(PeerAccess pair, List<PeerAccess> pairs) {
    return pairs.stream().anyMatch(other -> other.from() == pair.to() && other.to() == pair.from());
  }

  private static CudaFinding library(
      String subject, String stem, CudaLibraries libraries, Function<CudaLibraries, String> load) {
    try {
      String version = load.apply(libraries);
      Optional<String> file = libraries.locate(stem).map(Object::toString);
      return CudaFinding.good(subject, version + file.map(path -> ", " + path).orElse(""));
    } catch (CudaException e) {
      return CudaFinding.lacking(subject, e.getMessage());
    }
  }

  private CudaFinding atWork(CudaDevice device, CudaLibraries libraries) {
    String subject = "GPU " + device.ordinal() + " at work";
    Trial.Outcome outcome;
    try {
      outcome = machine.tryOut(device, libraries);
    } catch (CudaException e) {
      return CudaFinding.lacking(
          subject,
          e.getMessage(),
          "See nvidia-smi for what else runs there; docs/gpu.md lists errors and their causes.");
    }
    if (!outcome.wrong().isEmpty()) {
      return CudaFinding.broken(
          subject,
          outcome.wrong(),
          "Do not use this GPU: check it (nvidia-smi -q -d ECC, dcgmi diag), and its driver.");
    }
    return CudaFinding.good(subject, outcome.summary());
  }

  private static String gibibytes(long bytes) {
    return "%.1f GiB".formatted(bytes / (double) (1 << 30));
  }
}
