package dev.millrace.cuda.kernel;

import dev.millrace.cuda.device.CudaDevice;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Machine code of kernel files for one device: from the cache, or compiled and put there. The key
 * covers source, headers, options, compiler version and the cache's own format. Thread-safe.
 */
public final class KernelCompiler {
  private static final String CACHE_FORMAT = "1";
  private static final String RESOURCES = "/dev/millrace/cuda/kernels/";
  private static final List<String> HEADERS = List.of("prelude.cuh", "pages.cuh", "wgmma.cuh");

  private final SourceCompiler compiler;
  private final CacheFolder cache;
  private final Map<String, String> headers = new TreeMap<>();

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
   * Machine code of a kernel file.
   *
   * @param headSize size of heads, for files that are compiled by it
   * @return a cubin
   */
  public byte[] cubin(KernelFile file, int headSize, CudaDevice device) {
    String source = resource(file.fileName());
    List<String> options = options(file, headSize, device);
    String name = "kernels/" + key(source, options) + ".cubin";
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
