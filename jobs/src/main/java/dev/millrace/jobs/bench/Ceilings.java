package dev.millrace.jobs.bench;

import java.util.Objects;

/**
 * What one device can do at most; 0 where unknown.
 *
 * @param bytesPerSecond from its memory
 * @param flopsPerSecond in 16-bit matrix products
 * @param busBytesPerSecond from the host's memory to its own
 * @param readBytesPerSecond of the weights' files, read as an upload reads them and not uploaded
 * @param source how this is known
 */
public record Ceilings(
    double bytesPerSecond,
    double flopsPerSecond,
    double busBytesPerSecond,
    double readBytesPerSecond,
    String source) {
  /** Nothing is known. */
  public static final Ceilings UNKNOWN = new Ceilings(0, 0, 0, 0, "unknown");

  public Ceilings {
    Objects.requireNonNull(source, "source");
    if (bytesPerSecond < 0 || flopsPerSecond < 0) {
      throw new IllegalArgumentException(
          "ceilings: expected 0 or more, found %s and %s"
              .formatted(bytesPerSecond, flopsPerSecond));
    }
  }

  /** Those of the device's memory and arithmetic, from whoever knows them. */
  public static Ceilings given(double bytesPerSecond, double flopsPerSecond) {
    return new Ceilings(bytesPerSecond, flopsPerSecond, 0, 0, "given");
  }

  /**
   * What an upload of this rate is held against where {@link #holdUploads}: the smaller of bus and
   * reading. Reading that the upload itself beat was disturbed while it was measured, and limits
   * nothing.
   */
  double uploadCeiling(double rate) {
    return rate > readBytesPerSecond
        ? busBytesPerSecond
        : Math.min(busBytesPerSecond, readBytesPerSecond);
  }

  boolean areKnown() {
    return bytesPerSecond > 0 && flopsPerSecond > 0;
  }

  /** Whether those of uploads are known. */
  boolean holdUploads() {
    return busBytesPerSecond > 0 && readBytesPerSecond > 0;
  }
}
