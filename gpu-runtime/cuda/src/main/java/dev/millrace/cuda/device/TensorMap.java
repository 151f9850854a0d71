package dev.millrace.cuda.device;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;

/**
 * How boxes of a bf16 matrix in device memory go to shared memory: 64 columns wide, the 16-byte
 * chunks of a row swizzled by the row as tensor cores read them, zeros beyond the matrix. Compute
 * capability 9.0. JCuda has no binding for it.
 */
public final class TensorMap {
  /** CUtensorMap. */
  private static final int BYTES = 128;

  private static final int ALIGNMENT = 64;
  private static final int BOX_COLUMNS = 64;

  // CUtensorMapDataType and its like, as cuda.h of CUDA 12 and later numbers them.
  private static final int TYPE_BFLOAT16 = 9;
  private static final int INTERLEAVE_NONE = 0;
  private static final int SWIZZLE_128_BYTES = 3;
  private static final int PROMOTION_L2_128_BYTES = 2;
  private static final int BEYOND_IS_ZERO = 0;

  /** The C function. */
  private static final class Functions {
    private static final Functions LOADED = new Functions();

    private Functions() {
      Native.register(Functions.class, NativeLibrary.getInstance("libcuda.so.1"));
    }

    native int cuTensorMapEncodeTiled(
        Pointer map,
        int type,
        int rank,
        long address,
        long[] sizes,
        long[] strideBytes,
        int[] box,
        int[] elementStrides,
        int interleave,
        int swizzle,
        int promotion,
        int beyond);
  }

  private final byte[] bytes = new byte[BYTES];

  /**
   * Describes a matrix.
   *
   * @param address of the first element, in multiples of 16 bytes
   * @param rows of the matrix
   * @param columns of the matrix
   * @param pitch elements from a row to the next, in multiples of 8
   * @param boxRows rows of a box, up to 256
   */
  public TensorMap(long address, long rows, long columns, long pitch, int boxRows) {
    Memory memory = new Memory(BYTES + ALIGNMENT);
    long start = Pointer.nativeValue(memory);
    Pointer map = memory.share((start + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT - start, BYTES);
    Driver.check(
        Functions.LOADED.cuTensorMapEncodeTiled(
            map,
            TYPE_BFLOAT16,
            2,
            address,
            new long[] {columns, rows},
            new long[] {pitch * Short.BYTES},
            new int[] {BOX_COLUMNS, boxRows},
            new int[] {1, 1},
            INTERLEAVE_NONE,
            SWIZZLE_128_BYTES,
            PROMOTION_L2_128_BYTES,
            BEYOND_IS_ZERO),
        "describing a matrix of %d x %d, pitch %d".formatted(rows, columns, pitch));
    map.read(0, bytes, 0, BYTES);
  }

  /** As a kernel takes it. */
  public byte[] bytes() {
    return bytes.clone();
  }
}
