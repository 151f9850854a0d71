package dev.millrace.converter;

/**
 * How far a conversion has come.
 *
 * @param bytesDone bytes written
 * @param bytesTotal bytes to write
 * @param elapsedNanos since writing began
 */
public record ConversionProgress(long bytesDone, long bytesTotal, long elapsedNanos) {
  /** Bytes per second so far. */
  public double bytesPerSecond() {
    return elapsedNanos == 0 ? 0 : bytesDone * 1e9 / elapsedNanos;
  }

  /** Seconds still to go at this rate; NaN before the first byte. */
  public double secondsLeft() {
    return (bytesTotal - bytesDone) / bytesPerSecond();
  }
}
