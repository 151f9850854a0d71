package dev.millrace.cuda.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class KernelCompilerTest {
  @TempDir private Path folder;

  private static CudaDevice device(int capability) {
    return new CudaDevice(
        0, "test", "", capability / 10, capability % 10, 132, 232448, 50 << 20, 80L << 30);
  }

  /** Answers with its options, and counts. */
  private static final class CountingCompiler implements SourceCompiler {
    private final AtomicInteger calls = new AtomicInteger();
    private volatile String version = "counting 1";
    private volatile String failing = "none";

    @Override
    public String version() {
      return version;
    }

    @Override
    public CompiledKernel compile(
        String name, String source, Map<String, String> headers, List<String> options) {
      calls.incrementAndGet();
      if (name.equals(failing)) {
        throw new CudaException("kernel file %s does not compile".formatted(name), 6);
      }
      return new CompiledKernel((name + options).getBytes(StandardCharsets.UTF_8), "");
    }
  }

  @Test
  void secondCallComesFromTheCache() {
    CountingCompiler counting = new CountingCompiler();
    KernelCompiler compiler = new KernelCompiler(counting, new CacheFolder(folder));

    byte[] first = compiler.cubin(KernelFile.HEADS, 64, device(90));
    byte[] second = compiler.cubin(KernelFile.HEADS, 64, device(90));

    assertArrayEquals(first, second);
    assertEquals(1, counting.calls.get());
  }

  @Test
  void headSizeArchitectureAndVersionMakeAnotherEntry() {
    CountingCompiler counting = new CountingCompiler();
    KernelCompiler compiler = new KernelCompiler(counting, new CacheFolder(folder));

    byte[] first = compiler.cubin(KernelFile.HEADS, 64, device(90));
    assertNotEquals(
        new String(first, StandardCharsets.UTF_8),
        new String(compiler.cubin(KernelFile.HEADS, 128, device(90)), StandardCharsets.UTF_8));
    compiler.cubin(KernelFile.HEADS, 64, device(80));
    counting.version = "counting 2";
    compiler.cubin(KernelFile.HEADS, 64, device(90));

    assertEquals(4, counting.calls.get());
  }

  @Test
  void damagedCacheFileIsMadeAgain() throws IOException {
    CountingCompiler counting = new CountingCompiler();
    KernelCompiler compiler = new KernelCompiler(counting, new CacheFolder(folder));
    byte[] first = compiler.cubin(KernelFile.NORM, 0, device(90));
    List<Path> files;
    try (Stream<Path> all = Files.walk(folder)) {
      files = all.filter(Files::isRegularFile).toList();
    }
    assertEquals(1, files.size());
    byte[] whole = Files.readAllBytes(files.get(0));
    Files.write(files.get(0), java.util.Arrays.copyOf(whole, whole.length - 1));

    assertArrayEquals(first, compiler.cubin(KernelFile.NORM, 0, device(90)));
    assertEquals(2, counting.calls.get());
  }

  @Test
  void preparedFilesAreMadeOnceAndFoundLater() {
    CountingCompiler counting = new CountingCompiler();
    KernelCompiler compiler = new KernelCompiler(counting, new CacheFolder(folder));

    CompletableFuture<Void> prepared =
        compiler.prepare(EnumSet.allOf(KernelFile.class), 64, device(90));
    for (KernelFile file : KernelFile.values()) {
      assertTrue(compiler.cubin(file, 64, device(90)).length > 0);
    }
    prepared.join();

    assertEquals(KernelFile.values().length, counting.calls.get());
  }

  @Test
  void failureToPrepareIsToldAndTriedAgain() {
    CountingCompiler counting = new CountingCompiler();
    KernelCompiler compiler = new KernelCompiler(counting, new CacheFolder(folder));
    counting.failing = "norm.cu";

    CompletionException failure =
        assertThrows(
            CompletionException.class,
            () ->
                compiler
                    .prepare(List.of(KernelFile.EMBED, KernelFile.NORM), 64, device(90))
                    .join());
    assertTrue(failure.getMessage().contains("norm.cu does not compile"), failure.getMessage());
    counting.failing = "none";
    assertTrue(compiler.cubin(KernelFile.NORM, 0, device(90)).length > 0);
  }

  @ParameterizedTest
  @EnumSource
  void entriesAreThoseOfTheSource(KernelFile file) {
    Set<String> found = new HashSet<>();
    Matcher kernels =
        Pattern.compile("KERNEL void\\s+(?:(?:__launch_bounds__|CLUSTER)\\([^)]*\\)\\s*)*(\\w+)\\(")
            .matcher(KernelCompiler.resource(file.fileName()));
    while (kernels.find()) {
      found.add(kernels.group(1));
    }
    assertEquals(new HashSet<>(file.entries()), found);
  }

  /** Launched early, a kernel that did not wait would read what is still being written. */
  @ParameterizedTest
  @EnumSource
  void everyKernelWaitsForTheWorkAheadOfIt(KernelFile file) {
    Matcher kernels =
        Pattern.compile("KERNEL void[^{]*?(\\w+)\\([^{]*\\{(.*?)\n\\}", Pattern.DOTALL)
            .matcher(KernelCompiler.resource(file.fileName()));
    Pattern waits =
        Pattern.compile(
            "begin_kernel\\(\\);|await_earlier\\(\\);|multiply_(few|wide|and_gate)<|decode<|attend_prefixes<");
    int found = 0;
    while (kernels.find()) {
      found++;
      assertTrue(waits.matcher(kernels.group(2)).find(), kernels.group(0));
    }
    assertEquals(file.entries().size(), found);
  }

  /** Blocks that start while one of those waits for other ranks keep room that these may need. */
  @Test
  void nothingStartsBeforeWorkThatWaitsForOtherRanksHasEnded() {
    String source = KernelCompiler.resource(KernelFile.ALL_REDUCE.fileName());

    assertFalse(source.contains("begin_kernel"), source);
    assertFalse(source.contains("let_next_start"), source);
  }
}
