package dev.millrace.cuda.kernel;

import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** A compiler of kernels one file of which was tampered with, for tests of what happens then. */
public final class EditedKernels {
  private EditedKernels() {}

  /**
   * A compiler that finds NVRTC as usual and one file changed.
   *
   * @param cache a folder of the test's own
   * @param edit makes the file's new source of its source
   */
  public static KernelCompiler open(
      CudaLibraries libraries, CacheFolder cache, KernelFile file, UnaryOperator<String> edit) {
    SourceCompiler real = Nvrtc.load(libraries);
    SourceCompiler edited =
        new SourceCompiler() {
          @Override
          public String version() {
            return real.version() + ", edited";
          }

          @Override
          public CompiledKernel compile(
              String name, String source, Map<String, String> headers, List<String> options) {
            String text = name.equals(file.fileName()) ? edit.apply(source) : source;
            return real.compile(name, text, headers, options);
          }
        };
    return new KernelCompiler(edited, cache);
  }
}
