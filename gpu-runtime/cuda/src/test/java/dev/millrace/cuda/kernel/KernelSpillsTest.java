package dev.millrace.cuda.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every kernel through the real compiler, for every architecture that is supported: it needs NVRTC
 * and no GPU. Without NVRTC it is skipped with a sentence; with {@code -Dkernels.required=true} it
 * fails, so that a run that is meant to compile kernels cannot pass by skipping.
 */
final class KernelSpillsTest {
  private static final int[] NO_HEADS = {0};
  private static final int[] HEAD_SIZES = {8, 64, 128};

  /**
   * Older compilers have to compile everything too, but those before 12.9 spill in {@code sample}.
   */
  private static final Pattern HELD_TO = Pattern.compile("nvrtc (1[3-9]|12\\.9)");

  @TempDir private Path folder;

  /** Compiles, and keeps what the compiler said of every kernel. */
  private static final class ListeningCompiler implements SourceCompiler {
    private final SourceCompiler compiler;
    private String log = "";

    ListeningCompiler(SourceCompiler compiler) {
      this.compiler = compiler;
    }

    @Override
    public String version() {
      return compiler.version();
    }

    @Override
    public CompiledKernel compile(
        String name, String source, Map<String, String> headers, List<String> options) {
      CompiledKernel compiled = compiler.compile(name, source, headers, options);
      log = compiled.log();
      return compiled;
    }
  }

  private static SourceCompiler nvrtc() {
    try {
      return Nvrtc.load(CudaLibraries.find());
    } catch (CudaException e) {
      String sentence = "needs NVRTC, but no GPU: " + e.getMessage();
      if (Boolean.getBoolean("kernels.required")) {
        fail(sentence);
      }
      abort(sentence);
      throw e;
    }
  }

  private static CudaDevice device(int capability) {
    return new CudaDevice(
        0, "none", "", capability / 10, capability % 10, 132, 232448, 50 << 20, 80L << 30);
  }

  @ParameterizedTest
  @ValueSource(ints = {80, 86, 89, 90})
  @Execution(ExecutionMode.CONCURRENT) // NVRTC compiles on the thread that asks it
  void everyKernelCompilesWithoutSpills(int capability) {
    ListeningCompiler nvrtc = new ListeningCompiler(nvrtc());
    KernelCompiler compiler = new KernelCompiler(nvrtc, new CacheFolder(folder));
    CudaDevice device = device(capability);
    List<String> spills = new ArrayList<>();
    for (KernelFile file : KernelFile.values()) {
      for (int headSize : file.isByHeadSize() ? HEAD_SIZES : NO_HEADS) {
        assertTrue(compiler.cubin(file, headSize, device).length > 0, file::name);
        List<KernelResources> kernels = KernelResources.parse(nvrtc.log);
        assertCompiled(file, headSize, capability, names(kernels));
        for (KernelResources kernel : kernels) {
          if (kernel.spillBytes() > 0) {
            spills.add(
                "%s of %s, %s, heads of %d: %d bytes"
                    .formatted(
                        kernel.name(),
                        file.fileName(),
                        device.architecture(),
                        headSize,
                        kernel.spillBytes()));
          }
        }
      }
    }
    if (HELD_TO.matcher(nvrtc.version()).lookingAt()) {
      assertTrue(spills.isEmpty(), () -> "kernels spill registers: " + spills);
    }
  }

  private static Set<String> names(List<KernelResources> kernels) {
    return kernels.stream().map(KernelResources::name).collect(Collectors.toSet());
  }

  /** Hopper and large heads have all kernels; older GPUs and small heads may lack their own. */
  private static void assertCompiled(
      KernelFile file, int headSize, int capability, Set<String> names) {
    Set<String> entries = new HashSet<>(file.entries());
    if (capability == 90 && (headSize == 0 || headSize == 128)) {
      assertEquals(entries, names, file::name);
    }
    assertEquals(file.isFor(device(capability)), !names.isEmpty(), file::name);
    assertTrue(entries.containsAll(names), file + ": " + names);
  }

  @Test
  void spillsOfEachKernelAreReadFromTheCompilersLog() {
    String log =
        """
        ptxas info    : 0 bytes gmem
        ptxas info    : Compiling entry function 'norm' for 'sm_90a'
        ptxas info    : Function properties for norm
            0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
        ptxas info    : Used 32 registers, used 1 barriers
        ptxas info    : Compiling entry function 'attend' for 'sm_90a'
        ptxas info    : Function properties for attend
            48 bytes stack frame, 44 bytes spill stores, 60 bytes spill loads
        ptxas info    : Used 255 registers, used 1 barriers
        """;

    assertEquals(
        List.of(new KernelResources("norm", 0), new KernelResources("attend", 104)),
        KernelResources.parse(log));
  }

  @Test
  void logInAnotherFormIsAnErrorAndNotNoSpills() {
    AssertionError refused =
        assertThrows(
            AssertionError.class,
            () ->
                KernelResources.parse(
                    "ptxas info : Compiling entry function 'norm' for 'sm_90a'\n"));
    assertTrue(refused.getMessage().contains("norm"), refused.getMessage());
  }
}
