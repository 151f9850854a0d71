package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaStream;
import dev.millrace.cuda.device.PinnedBuffer;
import dev.millrace.cuda.kernel.Arguments;
import dev.millrace.cuda.kernel.KernelFile;
import dev.millrace.cuda.kernel.Kernels;

/**
 * Brings what is in use of a host's memory to a device's of the same layout, by {@code fetch.cu}:
 * in the order of a stream, without the copy engine. Ranges are named, then fetched together.
 */
final class HostFetch implements HostRanges {
  private static final int RANGES_MAX = 12;
  private static final int PIECE_BYTES = 16;
  private static final int THREADS = 256;

  private final int[] first = new int[RANGES_MAX];
  private final int[] count = new int[RANGES_MAX];
  private final Arguments arguments = new Arguments();
  private int ranges;
  private int pieces;

  /** Forgets all ranges. */
  HostFetch start() {
    ranges = 0;
    pieces = 0;
    return this;
  }

  @Override
  public void add(int offset, long bytes) {
    if (bytes > 0) {
      first[ranges] = offset / PIECE_BYTES;
      count[ranges] = Math.toIntExact(StepLayout.divideUp(bytes, PIECE_BYTES));
      pieces += count[ranges++];
    }
  }

  /**
   * Fetches all ranges.
   *
   * @param to the device's memory, a multiple of 16
   */
  void run(PinnedBuffer from, long to, Kernels kernels, CudaStream stream) {
    arguments.start().beginStructure().i64(from.address()).i64(to).i32(ranges);
    for (int number : first) {
      arguments.i32(number);
    }
    for (int number : count) {
      arguments.i32(number);
    }
    kernels
        .get(KernelFile.FETCH, "fetch")
        .launch(
            (int) StepLayout.divideUp(pieces, THREADS),
            1,
            THREADS,
            0,
            arguments.endStructure(),
            stream);
  }
}
