package dev.millrace.jobs.evaluate.data;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * One row.
 *
 * @param id names it in its task, the same every night
 * @param values columns by name: text, numbers, booleans, lists, maps, null
 */
public record DataRow(String id, Map<String, Object> values) {
  public DataRow {
    Objects.requireNonNull(id, "id");
    values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
  }
}
