package dev.millrace.jobs.memory;

import dev.millrace.api.engine.DeviceReading;
import java.util.ArrayList;
import java.util.List;

/**
 * How unequal the devices of a group of ranks are: what each rank's device took since before the
 * engine was opened. Ranks take the same to the byte, so what is more than a driver's own tables
 * came from elsewhere.
 *
 * @param bytes the most less the least that a rank's device took
 * @param fullest the device that took most
 * @param emptiest the device that took least
 */
public record Spread(long bytes, String fullest, String emptiest) {
  /** More than this is told. */
  public static final long BYTES_MAX = 64L << 20;

  /** No devices, or one. */
  public static final Spread NONE = new Spread(0, "", "");

  /**
   * Compares devices.
   *
   * @param before readings before the engine was opened
   * @param now readings of the same devices
   */
  public static Spread of(List<DeviceReading> before, List<DeviceReading> now) {
    if (now.size() < 2) {
      return NONE;
    }
    List<Long> taken = new ArrayList<>();
    for (int i = 0; i < now.size(); i++) {
      long since = now.get(i).usedBytes() - before.get(i).usedBytes();
      taken.add(since / Math.max(1, now.get(i).ranks().size()));
    }
    int most = 0;
    int least = 0;
    for (int i = 1; i < taken.size(); i++) {
      most = taken.get(i) > taken.get(most) ? i : most;
      least = taken.get(i) < taken.get(least) ? i : least;
    }
    return new Spread(
        taken.get(most) - taken.get(least), now.get(most).device(), now.get(least).device());
  }

  /** Whether it is worth telling. */
  public boolean isTooWide() {
    return bytes > BYTES_MAX;
  }
}
