package dev.millrace.cuda.kernel;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The arguments of one launch at a time, in native memory as the driver reads them: an array of
 * pointers, then the values. Reused launch after launch; the driver copies what it is given.
 *
 * <p>{@link #start}, then the arguments in order. Between {@link #beginStructure} and {@link
 * #endStructure} values are the fields of one argument, each at its natural alignment.
 */
public final class Arguments {
  private static final int ARGUMENTS_MAX = 16;
  private static final int VALUES = ARGUMENTS_MAX * Long.BYTES;
  private static final int BYTES = VALUES + 512;

  private final ByteBuffer memory = ByteBuffer.allocateDirect(BYTES).order(ByteOrder.nativeOrder());
  private final long address = Pointer.nativeValue(Native.getDirectBufferPointer(memory));
  private final LaunchConfiguration configuration = new LaunchConfiguration();
  private int arguments;
  private int end;
  private boolean inStructure;

  public Arguments start() {
    arguments = 0;
    end = VALUES;
    inStructure = false;
    return this;
  }

  public Arguments beginStructure() {
    place(Long.BYTES);
    inStructure = true;
    return this;
  }

  public Arguments endStructure() {
    inStructure = false;
    return this;
  }

  /** A pointer or an unsigned 64-bit number. */
  public Arguments i64(long value) {
    memory.putLong(place(Long.BYTES), value);
    end += Long.BYTES;
    return this;
  }

  public Arguments i32(int value) {
    memory.putInt(place(Integer.BYTES), value);
    end += Integer.BYTES;
    return this;
  }

  /** A structure that is at hand as its bytes. */
  public Arguments bytes(byte[] value) {
    memory.put(place(Long.BYTES), value);
    end += value.length;
    return this;
  }

  public Arguments f32(float value) {
    memory.putFloat(place(Float.BYTES), value);
    end += Float.BYTES;
    return this;
  }

  /** Where the next value goes; enters it as an argument unless it is a field. */
  private int place(int alignment) {
    end = (end + alignment - 1) / alignment * alignment;
    if (!inStructure) {
      memory.putLong(arguments * Long.BYTES, address + end);
      arguments++;
    }
    return end;
  }

  LaunchConfiguration configuration() {
    return configuration;
  }

  /** Address of the array of pointers. */
  long pointers() {
    return address;
  }
}
