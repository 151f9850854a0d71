package dev.millrace.jobs.evaluate.spec;

import java.util.Map;
import java.util.Objects;

/**
 * How answers are judged.
 *
 * @param name a metric's name, or {@code service} with the name of a user's own in its options
 * @param options its options as plain data
 * @param place for errors
 */
public record MetricSpec(String name, Map<String, Object> options, Place place) {
  public MetricSpec {
    Objects.requireNonNull(name, "name");
    options = java.util.Collections.unmodifiableMap(new java.util.LinkedHashMap<>(options));
    Objects.requireNonNull(place, "place");
  }
}
