package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaDevice;
import dev.millrace.engine.compute.HeadLayout;

/**
 * How a block of decode attention shares its memory out: a multiprocessor holds one block.
 *
 * @param groups of warps with items of their own
 * @param stages pages each has room for
 * @param sharedBytes of all
 */
record PageRing(int groups, int stages, int sharedBytes) {
  /** What the kernel is compiled for. */
  private static final int GROUPS_MAX = 3;

  private static final int STAGES_MAX = 16;

  /** One page is read, another on its way. */
  private static final int STAGES_MIN = 2;

  /** What a group has beside its pages. */
  private static final int GROUP_BYTES = 7168;

  /** Threads of a group beside one for each element of a head: those that fetch. */
  private static final int FETCHING_THREADS = 32;

  /**
   * The ring of a device.
   *
   * @param pageBytes one head's keys and values of a page
   */
  static PageRing of(CudaDevice device, int pageBytes) {
    for (int groups = GROUPS_MAX; groups > 0; groups--) {
      int room = (device.sharedBytesMax() / groups - GROUP_BYTES) / pageBytes;
      if (room >= STAGES_MIN) {
        int stages = Math.min(STAGES_MAX, room);
        return new PageRing(groups, stages, groups * (stages * pageBytes + GROUP_BYTES));
      }
    }
    throw new IllegalArgumentException(
        "decode attention: expected shared memory for %d pages of %d bytes, found %d bytes of %s"
            .formatted(STAGES_MIN, pageBytes, device.sharedBytesMax(), device));
  }

  int threads(HeadLayout heads) {
    return groups * (CudaKvCache.headPitch(heads) + FETCHING_THREADS);
  }
}
