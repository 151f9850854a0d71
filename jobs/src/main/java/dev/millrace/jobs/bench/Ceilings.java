package dev.millrace.jobs.bench;

import java.util.Objects;

/**
 * What one device can do at most.
 *
 * @param bytesPerSecond from its memory; 0 where unknown
 * @param flopsPerSecond in 16-bit matrix products; 0 where unknown
 * @param source how this is known
 */
public record Ceilings(double bytesPerSecond, double flopsPerSecond, String source) {
  /** Nothing is known. */
  public static final Ceilings UNKNOWN = new Ceilings(0, 0, "unknown");

  public Ceilings {
    Objects.requireNonNull(source, "source");
    if (bytesPerSecond < 0 || flopsPerSecond < 0) {
      throw new IllegalArgumentException(
          "ceilings: expected 0 or more, found %s and %s"
              .formatted(bytesPerSecond, flopsPerSecond));
    }
  }

  boolean areKnown() {
    return bytesPerSecond > 0 && flopsPerSecond > 0;
  }
}
