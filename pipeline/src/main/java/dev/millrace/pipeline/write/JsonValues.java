package dev.millrace.pipeline.write;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;

/**
 * Values as JSON. Dates, times and timestamps are ISO 8601 text, binary is Base64, decimals are
 * numbers with all their digits, numbers that JSON lacks (NaN, infinities) are null, text that is
 * not UTF-8 has its bad bytes replaced.
 */
final class JsonValues {
  private static final JsonFactory JSON = new JsonFactory();

  private JsonValues() {}

  static JsonGenerator generator(ByteArrayOutputStream out) throws IOException {
    return JSON.createGenerator(out);
  }

  /** A value as JSON text of its own. */
  static String text(Object value) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = generator(bytes)) {
      write(json, value);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  /** Writes a value by what it is. */
  static void write(JsonGenerator json, Object value) throws IOException {
    if (value instanceof Map<?, ?> struct) {
      json.writeStartObject();
      for (Map.Entry<?, ?> field : struct.entrySet()) {
        json.writeFieldName((String) field.getKey());
        write(json, field.getValue());
      }
      json.writeEndObject();
    } else if (value instanceof List<?> list) {
      json.writeStartArray();
      for (Object element : list) {
        write(json, element);
      }
      json.writeEndArray();
    } else {
      scalar(json, value);
    }
  }

  private static void scalar(JsonGenerator json, Object value) throws IOException {
    if (value == null) {
      json.writeNull();
    } else if (value instanceof String text) {
      json.writeString(text);
    } else if (value instanceof Long number) {
      json.writeNumber(number);
    } else if (value instanceof Double number) {
      if (Double.isFinite(number)) {
        json.writeNumber(number);
      } else {
        json.writeNull();
      }
    } else if (value instanceof Float number) {
      if (Float.isFinite(number)) {
        json.writeNumber(number);
      } else {
        json.writeNull();
      }
    } else if (value instanceof Boolean truth) {
      json.writeBoolean(truth);
    } else if (value instanceof BigInteger number) {
      json.writeNumber(number);
    } else if (value instanceof BigDecimal number) {
      json.writeNumber(number.toPlainString());
    } else if (value instanceof byte[] bytes) {
      json.writeString(Base64.getEncoder().encodeToString(bytes));
    } else {
      throw new IllegalStateException("no JSON for a " + value.getClass());
    }
  }

  /** Writes a value by the type of its column. */
  static void write(JsonGenerator json, Field field, Object value) throws IOException {
    ArrowType type = field.getType();
    if (value == null) {
      json.writeNull();
    } else if (value instanceof Map<?, ?> struct && !field.getChildren().isEmpty()) {
      json.writeStartObject();
      for (Field child : field.getChildren()) {
        json.writeFieldName(child.getName());
        write(json, child, struct.get(child.getName()));
      }
      json.writeEndObject();
    } else if (value instanceof List<?> list && !field.getChildren().isEmpty()) {
      json.writeStartArray();
      for (Object element : list) {
        write(json, field.getChildren().get(0), element);
      }
      json.writeEndArray();
    } else if (value instanceof Long number) {
      writeLong(json, type, number);
    } else if (value instanceof byte[] bytes && isText(type)) {
      json.writeString(new String(bytes, StandardCharsets.UTF_8));
    } else {
      write(json, value);
    }
  }

  private static boolean isText(ArrowType type) {
    return type instanceof ArrowType.Utf8
        || type instanceof ArrowType.LargeUtf8
        || type instanceof ArrowType.Utf8View;
  }

  private static void writeLong(JsonGenerator json, ArrowType type, long value) throws IOException {
    if (type instanceof ArrowType.Date date) {
      long days = date.getUnit() == DateUnit.DAY ? value : Math.floorDiv(value, 86_400_000L);
      json.writeString(LocalDate.ofEpochDay(days).toString());
    } else if (type instanceof ArrowType.Time time) {
      json.writeString(LocalTime.ofNanoOfDay(value * nanos(time.getUnit())).toString());
    } else if (type instanceof ArrowType.Timestamp timestamp) {
      json.writeString(timestamp(timestamp, value));
    } else if (type instanceof ArrowType.Int whole
        && !whole.getIsSigned()
        && whole.getBitWidth() == 64) {
      json.writeNumber(new BigInteger(Long.toUnsignedString(value)));
    } else {
      json.writeNumber(value);
    }
  }

  private static String timestamp(ArrowType.Timestamp type, long value) {
    long perSecond = 1_000_000_000L / nanos(type.getUnit());
    long seconds = Math.floorDiv(value, perSecond);
    long nanos = Math.floorMod(value, perSecond) * nanos(type.getUnit());
    Instant instant = Instant.ofEpochSecond(seconds, nanos);
    return type.getTimezone() == null
        ? LocalDateTime.ofInstant(instant, ZoneOffset.UTC).toString()
        : instant.toString();
  }

  private static long nanos(TimeUnit unit) {
    return switch (unit) {
      case SECOND -> 1_000_000_000L;
      case MILLISECOND -> 1_000_000L;
      case MICROSECOND -> 1_000L;
      case NANOSECOND -> 1L;
    };
  }
}
