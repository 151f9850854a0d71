package dev.millrace.jobs.memory;

import dev.millrace.api.engine.DeviceReading;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * What the devices of a job said of their memory.
 *
 * @param moments readings of each device at each moment that came; devices in the same order in all
 * @param samples readings in between, at even distances
 * @param warnings what was unequal, and why
 */
public record MemoryRecord(
    Map<Moment, List<DeviceReading>> moments, List<Sample> samples, List<String> warnings) {

  /** Nothing was read. */
  public static final MemoryRecord NONE = new MemoryRecord(Map.of(), List.of(), List.of());

  /**
   * Readings in between.
   *
   * @param seconds since the watch began
   * @param devices readings, in the order of the moments
   */
  public record Sample(double seconds, List<DeviceReading> devices) {
    public Sample {
      devices = List.copyOf(devices);
    }
  }

  public MemoryRecord {
    EnumMap<Moment, List<DeviceReading>> copy = new EnumMap<>(Moment.class);
    copy.putAll(moments);
    moments = Collections.unmodifiableMap(copy);
    samples = List.copyOf(samples);
    warnings = List.copyOf(warnings);
  }

  public boolean isEmpty() {
    return !moments.containsKey(Moment.AT_LOAD);
  }

  /** How unequal the devices were at a moment; {@link Spread#NONE} if it did not come. */
  public Spread spread(Moment moment) {
    List<DeviceReading> before = moments.get(Moment.BEFORE);
    List<DeviceReading> now = moments.get(moment);
    return before == null || now == null ? Spread.NONE : Spread.of(before, now);
  }
}
