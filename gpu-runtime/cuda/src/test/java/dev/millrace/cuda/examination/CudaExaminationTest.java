package dev.millrace.cuda.examination;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.cuda.device.PeerAccess;
import dev.millrace.cuda.examination.CudaFinding.State;
import dev.millrace.cuda.kernel.CudaLibraries;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CudaExaminationTest {
  @TempDir private Path root;

  private static CudaDevice gpu(int ordinal, int capability) {
    return new CudaDevice(
        ordinal,
        "NVIDIA H100",
        "0000:0" + ordinal + ":00.0",
        capability / 10,
        capability % 10,
        132,
        232448,
        50 << 20,
        80L << 30);
  }

  /** A machine of made-up parts; libraries are empty files below a folder. */
  private static final class FakeMachine implements Machine {
    private final CudaLibraries libraries;
    private CudaDevices devices = new CudaDevices(13000, List.of(gpu(0, 90)), Optional.empty());
    private List<String> hardware = List.of();
    private List<PeerAccess> peers = List.of();
    private String wrong = "";
    private String failure = "";
    private final List<Integer> tried = new ArrayList<>();

    FakeMachine(Path root) {
      libraries = CudaLibraries.find(Map.of(), root);
    }

    @Override
    public CudaDevices devices() {
      return devices;
    }

    @Override
    public Optional<String> driverRelease() {
      return Optional.of("580.82.07");
    }

    @Override
    public List<String> nvidiaHardware() {
      return hardware;
    }

    @Override
    public List<PeerAccess> peers(List<CudaDevice> all) {
      return peers;
    }

    @Override
    public CudaLibraries libraries() {
      return libraries;
    }

    @Override
    public String compiler(CudaLibraries found) {
      return load(found, "libnvrtc.so", "nvrtc 13.0");
    }

    @Override
    public String products(CudaLibraries found) {
      return load(found, "libcublasLt.so", "13.1.0");
    }

    private static String load(CudaLibraries found, String stem, String version) {
      if (found.locate(stem).isEmpty()) {
        found.open(stem); // says what is missing
      }
      return version;
    }

    @Override
    public long freeBytes(CudaDevice device) {
      return 79L << 30;
    }

    @Override
    public Trial.Outcome tryOut(CudaDevice device, CudaLibraries found) {
      tried.add(device.ordinal());
      if (!failure.isEmpty()) {
        throw new CudaException(failure, 2);
      }
      return new Trial.Outcome(wrong, 0.25, "sm_90a", 2.6e12, 55e9, 690e12);
    }
  }

  private FakeMachine machine(String... libraries) throws IOException {
    Path folder = Files.createDirectories(root.resolve("usr/lib/x86_64-linux-gnu"));
    for (String library : libraries) {
      Files.createFile(folder.resolve(library));
    }
    return new FakeMachine(root);
  }

  private FakeMachine wholeMachine() throws IOException {
    return machine("libnvrtc.so.13", "libcublasLt.so.13");
  }

  private static CudaFinding finding(FakeMachine machine, String subject) {
    List<CudaFinding> findings = new CudaExamination(machine).findings();
    return findings.stream()
        .filter(finding -> finding.subject().equals(subject))
        .findFirst()
        .orElseThrow(() -> new AssertionError("no " + subject + " in " + findings));
  }

  private static void assertSays(CudaFinding finding, State state, String found, String remedy) {
    assertEquals(state, finding.state(), finding::toString);
    assertTrue(finding.found().contains(found), finding::toString);
    assertTrue(finding.remedy().contains(remedy), finding::toString);
  }

  @Test
  void wholeMachineIsGoodInEveryPart() throws IOException {
    List<CudaFinding> findings = new CudaExamination(wholeMachine()).findings();

    assertEquals(
        List.of("NVIDIA driver", "GPU 0", "NVRTC", "cuBLASLt", "GPU 0 at work"),
        findings.stream().map(CudaFinding::subject).toList());
    findings.forEach(finding -> assertEquals(State.GOOD, finding.state(), finding::toString));
    assertEquals("580.82.07, CUDA 13.0", findings.get(0).found());
    assertTrue(
        findings.get(1).found().contains("80.0 GiB of memory, 79.0 GiB free"),
        findings.get(1)::toString);
    assertTrue(findings.get(2).found().endsWith("libnvrtc.so.13"), findings.get(2)::toString);
    assertTrue(findings.get(4).found().contains("2.60 TB/s"), findings.get(4)::toString);
    assertTrue(findings.get(4).found().contains("690 TFLOP/s"), findings.get(4)::toString);
  }

  @Test
  void machineWithoutGpuIsSaidToComputeOnTheCpuAndLacksNothing() throws IOException {
    FakeMachine machine = wholeMachine();
    machine.devices = new CudaDevices(0, List.of(), Optional.of("no driver"));

    List<CudaFinding> findings = new CudaExamination(machine).findings();

    assertEquals(1, findings.size());
    assertSays(findings.get(0), State.GOOD, "models run on the CPU: no driver", "");
    assertTrue(machine.tried.isEmpty());
  }

  @Test
  void gpuThatTheDriverDoesNotShowIsNamedByItsPlaceOnTheBus() throws IOException {
    FakeMachine machine = wholeMachine();
    machine.devices = new CudaDevices(0, List.of(), Optional.of("no driver; install it"));
    machine.hardware = List.of("0000:65:00.0");

    assertSays(finding(machine, "GPU"), State.LACKING, "0000:65:00.0: no driver", "Install it.");
  }

  @Test
  void driverThatDoesNotStartIsLackingEvenWhereTheBusIsHidden() throws IOException {
    FakeMachine machine = wholeMachine();
    machine.devices =
        new CudaDevices(12040, List.of(), Optional.of("the driver does not start: 803"));

    assertSays(finding(machine, "GPU"), State.LACKING, "does not start: 803", "docs/gpu.md");
  }

  @Test
  void missingCompilerIsToldWithThePackageAndNothingIsTried() throws IOException {
    FakeMachine machine = machine("libcublasLt.so.13");

    assertSays(
        finding(machine, "NVRTC"),
        State.LACKING,
        "libnvrtc.so is not installed",
        "pip install nvidia-cuda-nvrtc");
    assertTrue(machine.tried.isEmpty());
  }

  @Test
  void missingCublasIsToldWithThePackage() throws IOException {
    assertSays(
        finding(machine("libnvrtc.so.13"), "cuBLASLt"),
        State.LACKING,
        "libcublasLt.so is not installed",
        "pip install nvidia-cublas");
  }

  @Test
  void librariesOfCuda13UnderADriverOfCuda12NameTheDriverThatIsNeeded() throws IOException {
    FakeMachine machine = wholeMachine();
    machine.devices = new CudaDevices(12040, List.of(gpu(0, 90)), Optional.empty());

    assertSays(
        finding(machine, "NVRTC"), State.LACKING, "the driver knows CUDA 12.4", "580 or later");
    assertSays(
        finding(machine, "NVRTC"), State.LACKING, "CUDA 13", "pip install nvidia-cuda-nvrtc-cu12");
    assertTrue(machine.tried.isEmpty());
  }

  @Test
  void driverOfCuda12TakesLibrariesOfCuda12WhereBothAreThere() throws IOException {
    FakeMachine machine =
        machine("libnvrtc.so.13", "libcublasLt.so.13", "libnvrtc.so.12", "libcublasLt.so.12");
    machine.devices = new CudaDevices(12080, List.of(gpu(0, 90)), Optional.empty());

    assertSays(finding(machine, "NVRTC"), State.GOOD, "libnvrtc.so.12", "");
    assertEquals(List.of(0), machine.tried);
  }

  @Test
  void gpuBeforeAmpereIsTooOldAndIsNotTried() throws IOException {
    FakeMachine machine = wholeMachine();
    machine.devices = new CudaDevices(13000, List.of(gpu(0, 75), gpu(1, 80)), Optional.empty());

    assertSays(finding(machine, "GPU 0"), State.LACKING, "compute capability 7.5", "8.0 (Ampere)");
    assertEquals(List.of(1), machine.tried);
  }

  @Test
  void pairsOfGpusAreGroupedByHowTheyReachEachOther() throws IOException {
    FakeMachine machine = wholeMachine();
    machine.devices =
        new CudaDevices(13000, List.of(gpu(0, 90), gpu(1, 90), gpu(2, 90)), Optional.empty());
    machine.peers =
        List.of(
            new PeerAccess(0, 1, true, true, 0),
            new PeerAccess(1, 0, true, true, 0),
            new PeerAccess(0, 2, true, false, 1),
            new PeerAccess(2, 0, true, false, 1));

    assertSays(finding(machine, "peer access"), State.GOOD, "NVLink 0-1; PCIe 0-2", "");
  }

  @Test
  void pairThatCannotReachEachOtherSaysWhatItMeansForRanks() throws IOException {
    FakeMachine machine = wholeMachine();
    machine.devices = new CudaDevices(13000, List.of(gpu(0, 90), gpu(1, 90)), Optional.empty());
    machine.peers =
        List.of(new PeerAccess(0, 1, true, true, 0), new PeerAccess(1, 0, false, false, 0));

    assertSays(finding(machine, "peer access"), State.LACKING, "NVLink 0-1; none 1-0", "--devices");
  }

  @Test
  void wrongResultIsBrokenAndNotMerelyLacking() throws IOException {
    FakeMachine machine = wholeMachine();
    machine.wrong = "a kernel that adds gave 1 in place of 2";

    assertSays(
        finding(machine, "GPU 0 at work"), State.BROKEN, "in place of 2", "Do not use this GPU");
  }

  @Test
  void failingTrialIsAFindingWithTheDriversError() throws IOException {
    FakeMachine machine = wholeMachine();
    machine.failure = "taking 536870912 bytes: CUDA_ERROR_OUT_OF_MEMORY (2)";

    assertSays(
        finding(machine, "GPU 0 at work"), State.LACKING, "OUT_OF_MEMORY", "what else runs there");
  }

  /** Whatever this machine is: an examination ends, and says something. */
  @Test
  void thisMachineCanBeExamined() {
    List<CudaFinding> findings = CudaExamination.ofThisMachine().findings();

    assertTrue(!findings.isEmpty());
    findings.forEach(finding -> assertTrue(!finding.found().isBlank(), finding::toString));
  }
}
