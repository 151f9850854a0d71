package dev.millrace.cuda;

import dev.millrace.cuda.device.CudaDevice;

/**
 * The shared memory in which blocks of decode attention receive pages.
 *
 * @param blocks that a multiprocessor holds at once
 * @param stages pages a block has room for
 * @param sharedBytes of them and their barriers
 */
record PageRing(int blocks, int stages, int sharedBytes) {
  /** One block's fixed costs are hidden behind the other's work. */
  private static final int BLOCKS_MAX = 2;

  /** More pages than this are never under way. */
  private static final int STAGES_MAX = 16;

  /** What is consumed, and what is on its way meanwhile. */
  private static final int STAGES_MIN = 2;

  private static final int BARRIER_BYTES = 16;

  /** What the kernel has of its own, and what the device keeps of every block's. */
  private static final int OTHER_BYTES = 3072;

  private static final int KEPT_BYTES = 1024;

  /**
   * The ring of a device.
   *
   * @param pageBytes one head's keys and values of a page
   */
  static PageRing of(CudaDevice device, int pageBytes) {
    // A multiprocessor has as much as one block may have, and what is kept of it.
    int all = device.sharedBytesMax() + KEPT_BYTES;
    for (int blocks = BLOCKS_MAX; blocks > 0; blocks--) {
      int room = all / blocks - KEPT_BYTES - OTHER_BYTES;
      int stages = Math.min(STAGES_MAX, room / (pageBytes + BARRIER_BYTES));
      if (stages >= STAGES_MIN) {
        return new PageRing(blocks, stages, stages * (pageBytes + BARRIER_BYTES));
      }
    }
    throw new IllegalArgumentException(
        "decode attention: expected shared memory for %d pages of %d bytes, found %d bytes of %s"
            .formatted(STAGES_MIN, pageBytes, device.sharedBytesMax(), device));
  }
}
