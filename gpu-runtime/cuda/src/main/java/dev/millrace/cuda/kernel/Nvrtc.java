package dev.millrace.cuda.kernel;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import dev.millrace.cuda.device.CudaException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * NVIDIA's run-time compiler for CUDA C++, bound by JNA: JCuda's binding needs CUDA 12's library.
 */
final class Nvrtc implements SourceCompiler {
  private static final int COMPILATION_FAILED = 6;

  /** The C functions; pointers are addresses. */
  private static final class Functions {
    native int nvrtcVersion(int[] major, int[] minor);

    native String nvrtcGetErrorString(int result);

    native int nvrtcCreateProgram(
        long[] program, String source, String name, int headers, long texts, long names);

    native int nvrtcDestroyProgram(long[] program);

    native int nvrtcCompileProgram(long program, int options, long texts);

    native int nvrtcGetCUBINSize(long program, long[] size);

    native int nvrtcGetCUBIN(long program, byte[] cubin);

    native int nvrtcGetProgramLogSize(long program, long[] size);

    native int nvrtcGetProgramLog(long program, byte[] log);
  }

  private final Functions functions = new Functions();
  private final String version;

  private Nvrtc(NativeLibrary library) {
    Native.register(Functions.class, library);
    int[] major = new int[1];
    int[] minor = new int[1];
    check(functions.nvrtcVersion(major, minor), "version");
    version = major[0] + "." + minor[0];
  }

  /**
   * @throws CudaException if it is not installed, with what to do
   */
  static Nvrtc load(CudaLibraries libraries) {
    return new Nvrtc(libraries.open("libnvrtc.so", "libnvrtc-builtins"));
  }

  @Override
  public String version() {
    return "nvrtc " + version;
  }

  @Override
  public CompiledKernel compile(
      String name, String source, Map<String, String> headers, List<String> options) {
    List<String> headerNames = new ArrayList<>(headers.keySet());
    List<String> headerTexts = headerNames.stream().map(headers::get).toList();
    long[] program = new long[1];
    try (CStrings texts = new CStrings(headerTexts);
        CStrings names = new CStrings(headerNames);
        CStrings arguments = new CStrings(options)) {
      check(
          functions.nvrtcCreateProgram(
              program, source, name, headerNames.size(), texts.address(), names.address()),
          "program " + name);
      try {
        int result = functions.nvrtcCompileProgram(program[0], options.size(), arguments.address());
        String log = log(program[0]);
        if (result == COMPILATION_FAILED) {
          throw new CudaException(
              "kernel file %s does not compile with %s %s; `millrace doctor` says which compiler was found, another CUDA 12 or 13 may do: %n%s"
                  .formatted(name, version(), options, log),
              result);
        }
        check(result, "compiling " + name);
        long[] size = new long[1];
        check(functions.nvrtcGetCUBINSize(program[0], size), "size of " + name);
        byte[] cubin = new byte[Math.toIntExact(size[0])];
        check(functions.nvrtcGetCUBIN(program[0], cubin), "code of " + name);
        return new CompiledKernel(cubin, log);
      } finally {
        functions.nvrtcDestroyProgram(program);
      }
    }
  }

  private String log(long program) {
    long[] size = new long[1];
    check(functions.nvrtcGetProgramLogSize(program, size), "log size");
    byte[] log = new byte[Math.toIntExact(size[0])];
    check(functions.nvrtcGetProgramLog(program, log), "log");
    return new String(log, java.nio.charset.StandardCharsets.UTF_8).replace("\0", "").strip();
  }

  private void check(int result, String what) {
    if (result != 0) {
      throw new CudaException(
          "nvrtc, %s: %s (%d)".formatted(what, functions.nvrtcGetErrorString(result), result),
          result);
    }
  }

  /** Strings as a C array of pointers. */
  private static final class CStrings implements AutoCloseable {
    private final List<Memory> texts = new ArrayList<>();
    private final Memory array;

    CStrings(List<String> values) {
      array = new Memory(Math.max(1, values.size()) * 8L);
      for (int i = 0; i < values.size(); i++) {
        byte[] bytes = values.get(i).getBytes(java.nio.charset.StandardCharsets.UTF_8);
        Memory text = new Memory(bytes.length + 1L);
        text.write(0, bytes, 0, bytes.length);
        text.setByte(bytes.length, (byte) 0);
        texts.add(text);
        array.setPointer(i * 8L, text);
      }
    }

    long address() {
      return com.sun.jna.Pointer.nativeValue(array);
    }

    @Override
    public void close() {
      texts.forEach(Memory::close);
      array.close();
    }
  }
}
