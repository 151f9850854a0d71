package dev.millrace.jobs.doctor;

import com.sun.management.OperatingSystemMXBean;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.cuda.examination.CudaFinding;
import dev.millrace.jobs.progress.Amounts;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** Runs the checks, one finding each. Changes nothing but for files it removes again. */
public final class Examination {
  private static final int JAVA_VERSION_MIN = 17;
  private static final long HEAP_BYTES_MIN = 256L << 20;
  private static final long DISK_BYTES_MIN = 1L << 30;
  private static final String VECTOR_MODULE = "jdk.incubator.vector";

  private final Path cache;
  private final Path sampleModel;
  private final Path workspace;
  private final Supplier<List<CudaFinding>> gpus;

  /**
   * An examination.
   *
   * @param cache where converted models are kept
   * @param sampleModel the sample model's checkpoint, or null if it was not found
   * @param workspace a workspace to look at, or null
   * @param gpus looks at the GPUs; called once, after all else
   */
  public Examination(
      Path cache, Path sampleModel, Path workspace, Supplier<List<CudaFinding>> gpus) {
    this.gpus = gpus;
    this.cache = cache;
    this.sampleModel = sampleModel;
    this.workspace = workspace;
  }

  /** All findings, in the order in which a person would mend things. */
  public List<Finding> findings() {
    List<Finding> findings = new ArrayList<>();
    findings.add(java());
    findings.add(vector());
    findings.add(arrow());
    findings.add(cores());
    findings.add(memory());
    findings.add(
        folder("temporary files", Path.of(System.getProperty("java.io.tmpdir")), "TMPDIR"));
    findings.add(folder("cache", cache, "MILLRACE_CACHE"));
    findings.add(sample());
    if (workspace != null) {
      findings.add(workspace(workspace));
    }
    gpus.get().forEach(finding -> findings.add(ofGpu(finding)));
    return findings;
  }

  private static Finding ofGpu(CudaFinding finding) {
    return switch (finding.state()) {
      case GOOD -> Finding.good(finding.subject(), finding.found());
      case LACKING -> Finding.slow(finding.subject(), finding.found(), finding.remedy());
      case BROKEN -> Finding.missing(finding.subject(), finding.found(), finding.remedy());
    };
  }

  private static Finding java() {
    String found = "Java " + Runtime.version() + ", " + System.getProperty("java.vm.name");
    return Runtime.version().feature() >= JAVA_VERSION_MIN
        ? Finding.good("Java", found)
        : Finding.missing("Java", found, "Set JAVA_HOME to a JDK of version 17 or newer.");
  }

  private static Finding vector() {
    boolean present = ModuleLayer.boot().findModule(VECTOR_MODULE).isPresent();
    return present
        ? Finding.good("vector unit", VectorWidth.describe())
        : Finding.slow(
            "vector unit",
            "the module "
                + VECTOR_MODULE
                + " is not loaded; plain Java computes, several times slower",
            "Start through bin/millrace, on a JDK that has the module (Temurin and OpenJDK do).");
  }

  private static Finding arrow() {
    Module base = Object.class.getModule();
    return base.isOpen("java.nio", Examination.class.getModule())
        ? Finding.good("Arrow memory", "java.nio is open")
        : Finding.missing(
            "Arrow memory",
            "java.nio is closed",
            "Start through bin/millrace, or add --add-opens=java.base/java.nio=ALL-UNNAMED.");
  }

  private static Finding cores() {
    return Finding.good("cores", String.valueOf(Runtime.getRuntime().availableProcessors()));
  }

  private static Finding memory() {
    OperatingSystemMXBean system =
        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    long heap = Runtime.getRuntime().maxMemory();
    String found =
        Amounts.bytes(system.getTotalMemorySize())
            + ", "
            + Amounts.bytes(system.getFreeMemorySize())
            + " free; heap up to "
            + Amounts.bytes(heap);
    return heap >= HEAP_BYTES_MIN
        ? Finding.good("memory", found)
        : Finding.slow("memory", found, "Give the JVM more: JAVA_OPTS=-Xmx1g.");
  }

  private static Finding folder(String subject, Path folder, String variable) {
    Path probe = null;
    try {
      Files.createDirectories(folder);
      probe = Files.createTempFile(folder, "millrace-", ".probe");
      long room = Files.getFileStore(folder).getUsableSpace();
      String found = folder + ", " + Amounts.bytes(room) + " free";
      return room >= DISK_BYTES_MIN
          ? Finding.good(subject, found)
          : Finding.slow(subject, found, "Make room, or set " + variable + " to another folder.");
    } catch (IOException e) {
      return Finding.missing(
          subject,
          folder + " cannot be written: " + e,
          "Set " + variable + " to a folder that can be written.");
    } finally {
      remove(probe);
    }
  }

  private static void remove(Path probe) {
    if (probe != null) {
      try {
        Files.deleteIfExists(probe);
      } catch (IOException e) {
        probe.toFile().deleteOnExit();
      }
    }
  }

  private Finding sample() {
    return sampleModel != null
        ? Finding.good("sample model", sampleModel.toString())
        : Finding.slow(
            "sample model",
            "not found; a job needs --workspace or --model",
            "Start from an unpacked distribution or a source checkout.");
  }

  private static Finding workspace(Path path) {
    try (Workspace opened = Workspace.open(path)) {
      WorkspaceManifest manifest = opened.manifest();
      return Finding.good(
          "workspace",
          path
              + ": "
              + manifest.architecture()
              + ", "
              + Amounts.bytes(manifest.rankBytes(1).bytes())
              + " of weights, ranks "
              + manifest.supportedRanks());
    } catch (IOException e) {
      return Finding.missing(
          "workspace", String.valueOf(e.getMessage()), "'millrace inspect' tells more.");
    }
  }
}
