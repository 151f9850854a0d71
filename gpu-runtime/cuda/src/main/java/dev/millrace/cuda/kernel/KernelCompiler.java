package dev.millrace.cuda.kernel;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.device.CudaException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Machine code of kernel files for one device: from the cache, or compiled and put there. The key
 * covers source, headers, options, compiler version and the cache's own format. Thread-safe.
 */
public final class KernelCompiler {
  private static final String CACHE_FORMAT = "1";
  private static final String RESOURCES = "/dev/millrace/cuda/kernels/";
  private static final List<String> HEADERS =
      List.of(
          "prelude.cuh",
          "pages.cuh",
          "pages8.cuh",
          "partials.cuh",
          "decode_attention.cuh",
          "attention_tile.cuh",
          "prefill_attention.cuh",
          "prefix_attention.cuh",
          "eights.cuh",
          "silu.cuh",
          "sums.cuh",
          "wgmma.cuh",
          "w4.cuh",
          "w4_few.cuh",
          "w4_gate.cuh");

  private final SourceCompiler compiler;
  private final CacheFolder cache;
  private final Map<String, String> headers = new TreeMap<>();
  private final Map<String, CompletableFuture<byte[]>> inProgress = new ConcurrentHashMap<>();

  KernelCompiler(SourceCompiler compiler, CacheFolder cache) {
    this.compiler = compiler;
    this.cache = cache;
    HEADERS.forEach(name -> headers.put(name, resource(name)));
  }

  /**
   * A compiler with NVRTC behind it.
   *
   * @throws dev.millrace.cuda.device.CudaException if NVRTC is not installed, with what to do
   */
  public static KernelCompiler open(CudaLibraries libraries, CacheFolder cache) {
    return new KernelCompiler(Nvrtc.load(libraries), cache);
  }

  /** Name and version of what compiles. */
  public String version() {
    return compiler.version();
  }

  /**
   * Begins to make machine code in the background, all files at once, for {@link #cubin} to find.
   *
   * @param headSize size of heads, for files that are compiled by it
   * @return done when all of it is made, or with the first failure
   */
  public CompletableFuture<Void> prepare(
      Collection<KernelFile> files, int headSize, CudaDevice device) {
    ExecutorService threads =
        Executors.newFixedThreadPool(
            Math.max(1, Math.min(files.size(), Runtime.getRuntime().availableProcessors())),
            work -> {
              Thread thread = new Thread(work, "millrace-compile");
              thread.setDaemon(true);
              return thread;
            });
    CompletableFuture<?>[] all =
        files.stream()
            .map(file -> CompletableFuture.runAsync(() -> cubin(file, headSize, device), threads))
            .toArray(CompletableFuture<?>[]::new);
    threads.shutdown();
    return CompletableFuture.allOf(all);
  }

  /**
   * Machine code of a kernel file. Who asks while another makes it waits for that.
   *
   * @param headSize size of heads, for files that are compiled by it
   * @return a cubin
   */
  public byte[] cubin(KernelFile file, int headSize, CudaDevice device) {
    String source = resource(file.fileName());
    List<String> options = options(file, headSize, device);
    String name = "kernels/" + key(source, options) + ".cubin";
    CompletableFuture<byte[]> mine = new CompletableFuture<>();
    CompletableFuture<byte[]> others = inProgress.putIfAbsent(name, mine);
    if (others != null) {
      return joined(others);
    }
    try {
      byte[] code = make(file, source, options, name);
      mine.complete(code);
      return code;
    } catch (RuntimeException | Error e) {
      mine.completeExceptionally(e);
      throw e;
    } finally {
      inProgress.remove(name);
    }
  }

  private static byte[] joined(CompletableFuture<byte[]> code) {
    try {
      return code.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof CudaException known) {
        throw new CudaException(known.getMessage(), known);
      }
      throw e;
    }
  }

  private byte[] make(KernelFile file, String source, List<String> options, String name) {
    Optional<byte[]> cached = cache.read(name);
    if (cached.isPresent()) {
      return cached.get();
    }
    CompiledKernel compiled = compiler.compile(file.fileName(), source, headers, options);
    cache.write(name, compiled.cubin());
    return compiled.cubin();
  }

  private static List<String> options(KernelFile file, int headSize, CudaDevice device) {
    List<String> options =
        new ArrayList<>(
            List.of(
                "--gpu-architecture=" + device.architecture(),
                "--std=c++17",
                "-lineinfo",
                "--ptxas-options=-v"));
    if (file.isByHeadSize()) {
      options.add("-DHEAD_SIZE=" + headSize);
    }
    return options;
  }

  private String key(String source, List<String> options) {
    StringBuilder all = new StringBuilder(CACHE_FORMAT).append('\0').append(compiler.version());
    options.forEach(option -> all.append('\0').append(option));
    headers.forEach((name, text) -> all.append('\0').append(name).append('\0').append(text));
    all.append('\0').append(source);
    return CacheFolder.sha256(all.toString().getBytes(StandardCharsets.UTF_8));
  }

  static String resource(String name) {
    try (InputStream in = KernelCompiler.class.getResourceAsStream(RESOURCES + name)) {
      if (in == null) {
        throw new IllegalStateException("kernel source %s is not in the jar".formatted(name));
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the kernel source " + name, e);
    }
  }
}
