package dev.millrace.cuda;

import java.time.Duration;
import java.util.List;
import java.util.Objects;

/**
 * How the ranks of a group use the GPUs.
 *
 * @param devices the GPU of each rank; the same one several times puts several ranks on it
 * @param deadline longest any wait for a device, or of one rank for another, may take
 * @param graphs whether steps that only decode are recorded and replayed, and rows of steps are
 *     rounded up for that
 * @param deviceMemoryBytes memory of each GPU to plan with; 0 for what is free on it
 * @param batchInvariant whether a row's bits must not depend on its batch: one algorithm a product,
 *     whatever its rows, one kernel of attention, no recordings
 */
public record CudaSettings(
    List<Integer> devices,
    Duration deadline,
    boolean graphs,
    long deviceMemoryBytes,
    boolean batchInvariant) {

  /** Most ranks of a group. */
  public static final int RANKS_MAX = 8;

  public CudaSettings {
    devices = List.copyOf(devices);
    Objects.requireNonNull(deadline, "deadline");
    if (devices.isEmpty() || devices.size() > RANKS_MAX) {
      throw new IllegalArgumentException(
          "devices: expected 1 to %d of them, one a rank, found %s".formatted(RANKS_MAX, devices));
    }
  }

  /** One rank on GPU 0, a minute's patience, recordings. */
  public static CudaSettings defaults() {
    return new CudaSettings(List.of(0), Duration.ofMinutes(1), true, 0, false);
  }

  public CudaSettings withDevices(List<Integer> value) {
    return new CudaSettings(value, deadline, graphs, deviceMemoryBytes, batchInvariant);
  }

  public CudaSettings withDeadline(Duration value) {
    return new CudaSettings(devices, value, graphs, deviceMemoryBytes, batchInvariant);
  }

  public CudaSettings withGraphs(boolean value) {
    return new CudaSettings(devices, deadline, value, deviceMemoryBytes, batchInvariant);
  }

  public CudaSettings withBatchInvariant(boolean value) {
    return new CudaSettings(devices, deadline, graphs, deviceMemoryBytes, value);
  }

  /** Whether steps are recorded: attention by one kernel has no fixed size to record. */
  boolean records() {
    return graphs && !batchInvariant;
  }

  /** Whether each rank has a GPU of its own. */
  boolean hasDeviceEach() {
    return devices.stream().distinct().count() == ranks();
  }

  int ranks() {
    return devices.size();
  }
}
