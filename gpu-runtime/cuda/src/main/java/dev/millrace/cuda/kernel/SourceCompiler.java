package dev.millrace.cuda.kernel;

import java.util.List;
import java.util.Map;

/** Compiles CUDA C++ for one architecture. */
interface SourceCompiler {
  /** Name and version: part of what a cached result depends on. */
  String version();

  /**
   * Compiles a file.
   *
   * @param name for errors
   * @param headers texts by the name they are included by
   * @throws dev.millrace.cuda.device.CudaException with the compiler's errors
   */
  CompiledKernel compile(
      String name, String source, Map<String, String> headers, List<String> options);
}
