package dev.millrace.api.engine;

import java.util.List;
import java.util.Objects;

/**
 * Memory of one device at one moment, as the device or the system counts it: whatever uses it, not
 * this program alone.
 *
 * @param device its name, for example {@code GPU 0}, or {@code host}
 * @param ranks the ranks that run on it
 * @param usedBytes in use
 * @param totalBytes there are
 * @param othersBytes of those in use, what other processes hold; -1 where that is not known
 * @param utilisation share of the time that it was working lately; NaN where that is not known
 */
public record DeviceReading(
    String device,
    List<Integer> ranks,
    long usedBytes,
    long totalBytes,
    long othersBytes,
    double utilisation) {
  public DeviceReading {
    Objects.requireNonNull(device, "device");
    ranks = List.copyOf(ranks);
  }
}
