package dev.millrace.cuda.kernel;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import dev.millrace.cuda.device.CudaStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * How one launch at a time is made, in native memory as {@code cuLaunchKernelEx} reads it, which
 * JCuda lacks. Reused launch after launch; the driver copies what it is given.
 */
final class LaunchConfiguration {
  /** CUlaunchConfig: 7 x u32, stream, attributes, their u32 number. */
  private static final int STREAM = 32;

  private static final int ATTRIBUTES = 40;
  private static final int ATTRIBUTE_COUNT = 48;

  /** CUlaunchAttribute: u32 name, a value of 64 bytes from byte 8 on. */
  private static final int ATTRIBUTE = 56;

  private static final int ATTRIBUTE_VALUE = ATTRIBUTE + 8;
  private static final int BYTES = ATTRIBUTE_VALUE + 64;
  private static final int PROGRAMMATIC_STREAM_SERIALIZATION = 6;

  /** The C function. */
  private static final class Functions {
    static {
      Native.register(Functions.class, NativeLibrary.getInstance("libcuda.so.1"));
    }

    static native int cuLaunchKernelEx(
        long configuration, long function, long arguments, long extra);
  }

  private final ByteBuffer memory = ByteBuffer.allocateDirect(BYTES).order(ByteOrder.nativeOrder());
  private final long address = Pointer.nativeValue(Native.getDirectBufferPointer(memory));

  /**
   * Launches a kernel.
   *
   * @param early whether it may start before the work ahead of it in the stream has ended, and
   *     itself waits for that
   * @return the driver's result
   */
  int launch(
      long function,
      int gridX,
      int gridY,
      int block,
      int sharedBytes,
      boolean early,
      Arguments arguments,
      CudaStream stream) {
    memory.clear();
    memory.putInt(gridX).putInt(gridY).putInt(1).putInt(block).putInt(1).putInt(1);
    memory.putInt(sharedBytes);
    memory.putLong(STREAM, stream.address());
    memory.putLong(ATTRIBUTES, address + ATTRIBUTE);
    memory.putInt(ATTRIBUTE_COUNT, early ? 1 : 0);
    memory.putInt(ATTRIBUTE, PROGRAMMATIC_STREAM_SERIALIZATION);
    memory.putInt(ATTRIBUTE_VALUE, 1);
    return Functions.cuLaunchKernelEx(address, function, arguments.pointers(), 0);
  }
}
