package dev.millrace.cuda;

import dev.millrace.cuda.device.DeviceArena;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.compute.Tensor;

/**
 * A tensor in device memory. Rows are padded with zeros to a multiple of 8 elements, which every
 * verb leaves zeros: kernels load 16 bytes at a time.
 *
 * @param address of the first element
 */
record CudaTensor(MemoryPurpose purpose, String name, DType type, int rows, int width, long address)
    implements Tensor {

  static int pitch(long width) {
    return Math.toIntExact((width + 7) / 8 * 8);
  }

  static long bytes(DType type, int rows, int width) {
    return DeviceArena.pieceBytes((long) rows * pitch(width) * type.bytes());
  }

  /** Elements from a row to the next. */
  int pitch() {
    return pitch(width);
  }

  boolean isFloat() {
    return type == DType.F32;
  }

  @Override
  public long bytes() {
    return bytes(type, rows, width);
  }

  // Two tensors are the same only if they are one: books are kept by identity.

  @Override
  public boolean equals(Object other) {
    return this == other;
  }

  @Override
  public int hashCode() {
    return System.identityHashCode(this);
  }
}
