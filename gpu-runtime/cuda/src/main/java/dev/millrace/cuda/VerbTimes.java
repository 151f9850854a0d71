package dev.millrace.cuda;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Time on the device by verb, over a sample of steps, kept apart for steps that only decode and
 * others. Written by the first rank's thread, read by another when the executor is closed.
 */
public final class VerbTimes {
  private final int every;
  private final Sample decode = new Sample();
  private final Sample mixed = new Sample();

  /** One kind of steps. */
  private static final class Sample {
    private final Map<String, Double> millis = new LinkedHashMap<>();
    private long steps;
    private long rows;
  }

  /**
   * @param every which steps are looked at: one in so many
   */
  public VerbTimes(int every) {
    if (every < 1) {
      throw new IllegalArgumentException("every: expected at least 1, found " + every);
    }
    this.every = every;
  }

  boolean wants(long step) {
    return step % every == every - 1L;
  }

  synchronized void addStep(boolean decodeOnly, int rows) {
    Sample sample = decodeOnly ? decode : mixed;
    sample.steps++;
    sample.rows += rows;
  }

  synchronized void add(boolean decodeOnly, String verb, double millis) {
    (decodeOnly ? decode : mixed).millis.merge(verb, millis, Double::sum);
  }

  /** Steps that were looked at. */
  public synchronized long steps(boolean decodeOnly) {
    return (decodeOnly ? decode : mixed).steps;
  }

  /** Rows of the steps that were looked at, padding included. */
  public synchronized long rows(boolean decodeOnly) {
    return (decodeOnly ? decode : mixed).rows;
  }

  /** Milliseconds of all steps that were looked at, by verb, in the order of a step. */
  public synchronized Map<String, Double> millis(boolean decodeOnly) {
    return new LinkedHashMap<>((decodeOnly ? decode : mixed).millis);
  }
}
