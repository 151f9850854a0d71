package dev.millrace.pipeline.read;

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
      bytes += ValueWeight.bytes(value);
    }
    return bytes;
  }
}
