package dev.millrace.cuda;

/** Takes ranges of a memory that host and device have alike. */
interface HostRanges {
  /**
   * Takes a range; what fills its last 16 bytes belongs to it.
   *
   * @param offset in both memories, a multiple of 16
   * @param bytes none are no range
   */
  void add(int offset, long bytes);
}
