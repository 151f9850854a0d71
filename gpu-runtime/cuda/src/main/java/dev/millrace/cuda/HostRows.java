package dev.millrace.cuda;

import dev.millrace.engine.compute.DType;
import java.nio.ByteBuffer;

/** Rows of tensors between float32 on the heap and bytes as they lie on a device. */
final class HostRows {
  private HostRows() {}

  /** Writes a row with its padding. */
  static void write(float[] from, int start, CudaTensor tensor, ByteBuffer to, int at) {
    boolean wide = tensor.type() == DType.F32;
    for (int i = 0; i < tensor.pitch(); i++) {
      float value = i < tensor.width() ? from[start + i] : 0;
      if (wide) {
        to.putFloat(at + 4 * i, value);
      } else {
        to.putShort(at + 2 * i, bf16(value));
      }
    }
  }

  static void read(ByteBuffer from, int at, CudaTensor tensor, float[] to, int start) {
    boolean wide = tensor.type() == DType.F32;
    for (int i = 0; i < tensor.width(); i++) {
      to[start + i] =
          wide ? from.getFloat(at + 4 * i) : Float.intBitsToFloat(from.getShort(at + 2 * i) << 16);
    }
  }

  /** Rounds to nearest, ties to even; a NaN stays one. */
  static short bf16(float value) {
    int bits = Float.floatToRawIntBits(value);
    if ((bits & 0x7fffffff) > 0x7f800000) {
      return (short) ((bits >>> 16) | 0x40);
    }
    return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
  }
}
