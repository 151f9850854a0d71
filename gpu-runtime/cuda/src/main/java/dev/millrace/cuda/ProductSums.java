package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.cuda.kernel.Arguments;

/**
 * A product of few rows whose sums thread blocks have left in device memory, as {@code sums.cuh}
 * describes them: whoever reads it adds them on the way.
 *
 * @param y the product, not yet written
 * @param rows of it
 * @param parts address of the sums
 * @param bias address of a bf16 bias to add, or 0
 * @param columns units of work of an output block
 * @param units of work in all
 * @param shares thread blocks that took them
 * @param partRows rows of a part
 */
record ProductSums(
    CudaTensor y,
    int rows,
    long parts,
    long bias,
    int columns,
    int units,
    int shares,
    int partRows) {
  /** Of the kernel that writes y, each thread eight elements at a time, in grid strides. */
  static final int THREADS = 256;

  private static final int ELEMENTS = 8;

  /**
   * Thread blocks for that kernel: no more than can be there at once.
   *
   * @param width of a row of its result
   */
  int blocks(CudaDevice device, int width) {
    long threads = StepLayout.divideUp((long) rows * width, ELEMENTS);
    return (int) Math.min(device.multiprocessors(), StepLayout.divideUp(threads, THREADS));
  }

  /** Enters it as one argument. */
  Arguments put(Arguments arguments) {
    return arguments
        .beginStructure()
        .i64(parts)
        .i64(bias)
        .i32(columns)
        .i32(units)
        .i32(shares)
        .i32(partRows)
        .endStructure();
  }
}
