package dev.millrace.jobs.evaluate.report;

import java.time.Instant;
import java.util.List;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;

/** Kinds of columns of the Parquet files; all may be null. */
final class Columns {
  private Columns() {}

  static Field text(String name) {
    return of(name, ArrowType.Utf8.INSTANCE);
  }

  static Field whole(String name) {
    return of(name, new ArrowType.Int(64, true));
  }

  static Field real(String name) {
    return of(name, new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE));
  }

  static Field bool(String name) {
    return of(name, ArrowType.Bool.INSTANCE);
  }

  /** A time in microseconds of UTC, see {@link #micros}. */
  static Field timestamp(String name) {
    return of(name, new ArrowType.Timestamp(TimeUnit.MICROSECOND, "UTC"));
  }

  static Field list(String name, Field element) {
    return new Field(name, FieldType.nullable(ArrowType.List.INSTANCE), List.of(element));
  }

  static Field struct(String name, Field... fields) {
    return new Field(name, FieldType.nullable(ArrowType.Struct.INSTANCE), List.of(fields));
  }

  private static Field of(String name, ArrowType type) {
    return new Field(name, FieldType.nullable(type), null);
  }

  static long micros(Instant instant) {
    return Math.addExact(
        Math.multiplyExact(instant.getEpochSecond(), 1_000_000L), instant.getNano() / 1000L);
  }
}
