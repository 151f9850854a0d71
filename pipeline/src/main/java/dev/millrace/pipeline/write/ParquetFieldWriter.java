package dev.millrace.pipeline.write;

import dev.millrace.pipeline.read.JsonType;
import dev.millrace.pipeline.read.ParquetTypes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.util.Float16;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.io.api.RecordConsumer;

/** Writes values as Parquet fields of the types that {@link ParquetTypes} gives them. */
final class ParquetFieldWriter {
  private static final long DAY_MILLIS = 86_400_000L;

  private final RecordConsumer out;

  ParquetFieldWriter(RecordConsumer out) {
    this.out = out;
  }

  /** Writes one field of a record; a null value is a field that is not there. */
  void write(Field field, int index, Object value) {
    write(field, field.getName(), index, value);
  }

  private void write(Field field, String name, int index, Object value) {
    if (value == null || field.getType() instanceof ArrowType.Null) {
      return;
    }
    out.startField(name, index);
    value(field, value);
    out.endField(name, index);
  }

  private void value(Field field, Object value) {
    ArrowType type = field.getType();
    if (value instanceof List<?> list && type instanceof ArrowType.Map) {
      entries(field.getChildren().get(0), list);
    } else if (value instanceof List<?> list && !field.getChildren().isEmpty()) {
      elements(field.getChildren().get(0), list);
    } else if (value instanceof Map<?, ?> struct && !field.getChildren().isEmpty()) {
      out.startGroup();
      struct(field.getChildren(), struct);
      out.endGroup();
    } else {
      scalar(field, type, value);
    }
  }

  private void struct(List<Field> fields, Map<?, ?> struct) {
    for (int i = 0; i < fields.size(); i++) {
      write(fields.get(i), i, struct.get(fields.get(i).getName()));
    }
  }

  private void elements(Field element, List<?> list) {
    out.startGroup();
    if (!list.isEmpty()) {
      out.startField("list", 0);
      for (Object each : list) {
        out.startGroup();
        write(element, "element", 0, each);
        out.endGroup();
      }
      out.endField("list", 0);
    }
    out.endGroup();
  }

  private void entries(Field entry, List<?> list) {
    out.startGroup();
    if (!list.isEmpty()) {
      out.startField("key_value", 0);
      for (Object each : list) {
        Map<?, ?> pair = (Map<?, ?>) each;
        out.startGroup();
        write(entry.getChildren().get(0), "key", 0, pair.get("key"));
        write(entry.getChildren().get(1), "value", 1, pair.get("value"));
        out.endGroup();
      }
      out.endField("key_value", 0);
    }
    out.endGroup();
  }

  private void scalar(Field field, ArrowType type, Object value) {
    switch (type.getTypeID()) {
      case Bool -> out.addBoolean((Boolean) value);
      case Int -> integer((ArrowType.Int) type, ((Number) value).longValue());
      case FloatingPoint -> floating((ArrowType.FloatingPoint) type, (Number) value);
      case Utf8, LargeUtf8, Utf8View -> text(field, value);
      case Binary, LargeBinary, BinaryView, FixedSizeBinary ->
          out.addBinary(Binary.fromConstantByteArray((byte[]) value));
      case Decimal ->
          out.addBinary(
              Binary.fromConstantByteArray(((BigDecimal) value).unscaledValue().toByteArray()));
      case Date -> {
        long date = (Long) value;
        boolean days = ((ArrowType.Date) type).getUnit() == DateUnit.DAY;
        out.addInteger((int) (days ? date : Math.floorDiv(date, DAY_MILLIS)));
      }
      case Time -> time(((ArrowType.Time) type).getUnit(), (Long) value);
      case Timestamp ->
          out.addLong(
              ((ArrowType.Timestamp) type).getUnit() == TimeUnit.SECOND
                  ? Math.multiplyExact((Long) value, 1000L)
                  : (Long) value);
      case Duration -> out.addLong((Long) value);
      default -> throw new IllegalStateException("no Parquet value of type " + type);
    }
  }

  private void integer(ArrowType.Int type, long value) {
    if (type.getBitWidth() == 64) {
      out.addLong(value);
    } else {
      out.addInteger((int) value);
    }
  }

  private void floating(ArrowType.FloatingPoint type, Number value) {
    if (type.getPrecision() == FloatingPointPrecision.DOUBLE) {
      out.addDouble(value.doubleValue());
    } else if (type.getPrecision() == FloatingPointPrecision.SINGLE) {
      out.addFloat(value.floatValue());
    } else {
      ByteBuffer half = ByteBuffer.allocate(2).order(ByteOrder.LITTLE_ENDIAN);
      half.putShort(Float16.toFloat16(value.floatValue()));
      out.addBinary(Binary.fromConstantByteArray(half.array()));
    }
  }

  private void text(Field field, Object value) {
    if (field.getMetadata().containsKey(JsonType.JSON_TEXT)) {
      try {
        out.addBinary(Binary.fromString(JsonValues.text(value)));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    } else if (value instanceof byte[] bytes) {
      out.addBinary(Binary.fromConstantByteArray(bytes));
    } else {
      out.addBinary(Binary.fromString((String) value));
    }
  }

  private void time(TimeUnit unit, long value) {
    switch (unit) {
      case SECOND -> out.addInteger(Math.toIntExact(value * 1000));
      case MILLISECOND -> out.addInteger(Math.toIntExact(value));
      case MICROSECOND, NANOSECOND -> out.addLong(value);
    }
  }
}
