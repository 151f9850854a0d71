package dev.millrace.pipeline.read;

import java.util.List;
import java.util.Map;

/** A row whose selected columns were read already. */
@SuppressWarnings("ArrayRecordComponent")
record ArrayRow(Map<String, Integer> positions, Object[] values) implements Row {
  @Override
  public Object value(String column) {
    Integer position = positions.get(column);
    if (position == null) {
      throw new IllegalArgumentException("column " + column + " was not selected");
    }
    return values[position];
  }

  @Override
  public long weightBytes() {
    long bytes = 0;
    for (Object value : values) {
      bytes += weight(value);
    }
    return bytes;
  }

  private static long weight(Object value) {
    if (value instanceof String text) {
      return text.length();
    }
    if (value instanceof byte[] bytes) {
      return bytes.length;
    }
    if (value instanceof List<?> list) {
      return list.stream().mapToLong(ArrayRow::weight).sum();
    }
    if (value instanceof Map<?, ?> struct) {
      return struct.values().stream().mapToLong(ArrayRow::weight).sum();
    }
    return Long.BYTES;
  }
}
