package dev.millrace.cuda.device;

/**
 * A GPU as the driver describes it.
 *
 * @param ordinal its number among the visible ones
 * @param name as the driver says it
 * @param busId place on the PCI bus
 * @param major compute capability, first part
 * @param minor compute capability, second part
 * @param multiprocessors streaming multiprocessors
 * @param sharedBytesMax most shared memory a block can be given
 * @param l2Bytes size of its second-level cache
 * @param memoryBytes memory in all
 */
public record CudaDevice(
    int ordinal,
    String name,
    String busId,
    int major,
    int minor,
    int multiprocessors,
    int sharedBytesMax,
    int l2Bytes,
    long memoryBytes) {

  /** Oldest compute capability the kernels run on. */
  public static final int CAPABILITY_MIN = 80;

  public int capability() {
    return major * 10 + minor;
  }

  /**
   * What kernels are compiled for. Hopper's own instructions need the exact target; others take the
   * newest target that is not above them.
   */
  public String architecture() {
    if (capability() == 90) {
      return "sm_90a";
    }
    return "sm_" + capability();
  }

  @Override
  public String toString() {
    return "GPU %d (%s, compute capability %d.%d, %.1f GiB)"
        .formatted(ordinal, name, major, minor, memoryBytes / (double) (1 << 30));
  }
}
