package dev.millrace.pipeline.read;

import java.util.List;
import java.util.Map;

/** About how much memory the values of rows take. */
public final class ValueWeight {
  private ValueWeight() {}

  /** The bytes of a value and all that is in it; those of a text are counted as its characters. */
  public static long bytes(Object value) {
    if (value instanceof String text) {
      return text.length();
    }
    if (value instanceof byte[] bytes) {
      return bytes.length;
    }
    if (value instanceof List<?> list) {
      return list.stream().mapToLong(ValueWeight::bytes).sum();
    }
    if (value instanceof Map<?, ?> struct) {
      return struct.values().stream().mapToLong(ValueWeight::bytes).sum();
    }
    return Long.BYTES;
  }
}
