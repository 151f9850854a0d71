package dev.millrace.pipeline.read;

import dev.millrace.pipeline.job.InvalidInputException;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Types;

/** Arrow types as Parquet types, by the rules of the Parquet format's LogicalTypes.md. */
public final class ParquetTypes {
  private ParquetTypes() {}

  /**
   * The schema of a Parquet file with these columns.
   *
   * @throws InvalidInputException if Parquet cannot hold one of them
   */
  public static MessageType message(List<Field> fields) {
    return new MessageType("schema", fields.stream().map(ParquetTypes::type).toList());
  }

  /**
   * The type of a column.
   *
   * @throws InvalidInputException if Parquet has none
   */
  public static Type type(Field field) {
    return type(field, field.getName());
  }

  private static Type type(Field field, String name) {
    Type.Repetition repetition =
        field.isNullable() ? Type.Repetition.OPTIONAL : Type.Repetition.REQUIRED;
    ArrowType type = field.getType();
    if (type instanceof ArrowType.List
        || type instanceof ArrowType.LargeList
        || type instanceof ArrowType.FixedSizeList) {
      Type element = type(field.getChildren().get(0), "element");
      return Types.list(repetition).element(element).named(name);
    }
    if (type instanceof ArrowType.Map) {
      List<Field> entry = field.getChildren().get(0).getChildren();
      Type key = type(entry.get(0), "key");
      Type value = type(entry.get(1), "value");
      return Types.map(repetition).key(key).value(value).named(name);
    }
    if (type instanceof ArrowType.Struct) {
      if (field.getChildren().isEmpty()) {
        throw unsupported(field, "a struct without fields");
      }
      List<Type> children = new ArrayList<>();
      field.getChildren().forEach(child -> children.add(type(child)));
      return Types.buildGroup(repetition).addFields(children.toArray(Type[]::new)).named(name);
    }
    return primitive(field, repetition, name);
  }

  private static InvalidInputException unsupported(Field field, String what) {
    return new InvalidInputException(
        "expected columns that Parquet can hold, found "
            + what
            + " (column="
            + field.getName()
            + "); drop the column, or keep the input's format as output format");
  }

  private static Type primitive(Field field, Type.Repetition repetition, String name) {
    ArrowType type = field.getType();
    return switch (type.getTypeID()) {
      case Null ->
          of(PrimitiveTypeName.INT32, LogicalTypeAnnotation.unknownType(), repetition, name);
      case Bool -> of(PrimitiveTypeName.BOOLEAN, null, repetition, name);
      case Int -> integer((ArrowType.Int) type, repetition, name);
      case FloatingPoint -> floating((ArrowType.FloatingPoint) type, repetition, name);
      case Utf8, LargeUtf8, Utf8View ->
          of(PrimitiveTypeName.BINARY, LogicalTypeAnnotation.stringType(), repetition, name);
      case Binary, LargeBinary, BinaryView -> of(PrimitiveTypeName.BINARY, null, repetition, name);
      case FixedSizeBinary ->
          Types.primitive(PrimitiveTypeName.FIXED_LEN_BYTE_ARRAY, repetition)
              .length(((ArrowType.FixedSizeBinary) type).getByteWidth())
              .named(name);
      case Decimal -> {
        ArrowType.Decimal decimal = (ArrowType.Decimal) type;
        yield of(
            PrimitiveTypeName.BINARY,
            LogicalTypeAnnotation.decimalType(decimal.getScale(), decimal.getPrecision()),
            repetition,
            name);
      }
      case Date -> of(PrimitiveTypeName.INT32, LogicalTypeAnnotation.dateType(), repetition, name);
      case Time -> time(((ArrowType.Time) type).getUnit(), repetition, name);
      case Timestamp -> timestamp((ArrowType.Timestamp) type, repetition, name);
      case Duration -> of(PrimitiveTypeName.INT64, null, repetition, name);
      default -> throw unsupported(field, type.toString());
    };
  }

  private static Type of(
      PrimitiveTypeName physical,
      LogicalTypeAnnotation logical,
      Type.Repetition repetition,
      String name) {
    return Types.primitive(physical, repetition).as(logical).named(name);
  }

  private static Type integer(ArrowType.Int type, Type.Repetition repetition, String name) {
    int bits = type.getBitWidth();
    boolean plain = type.getIsSigned() && bits >= 32;
    return of(
        bits == 64 ? PrimitiveTypeName.INT64 : PrimitiveTypeName.INT32,
        plain ? null : LogicalTypeAnnotation.intType(bits, type.getIsSigned()),
        repetition,
        name);
  }

  private static Type floating(
      ArrowType.FloatingPoint type, Type.Repetition repetition, String name) {
    if (type.getPrecision() == FloatingPointPrecision.HALF) {
      return Types.primitive(PrimitiveTypeName.FIXED_LEN_BYTE_ARRAY, repetition)
          .length(2)
          .as(LogicalTypeAnnotation.float16Type())
          .named(name);
    }
    boolean single = type.getPrecision() == FloatingPointPrecision.SINGLE;
    return of(single ? PrimitiveTypeName.FLOAT : PrimitiveTypeName.DOUBLE, null, repetition, name);
  }

  /** Seconds become milliseconds: Parquet has none. */
  static LogicalTypeAnnotation.TimeUnit unit(TimeUnit unit) {
    return switch (unit) {
      case SECOND, MILLISECOND -> LogicalTypeAnnotation.TimeUnit.MILLIS;
      case MICROSECOND -> LogicalTypeAnnotation.TimeUnit.MICROS;
      case NANOSECOND -> LogicalTypeAnnotation.TimeUnit.NANOS;
    };
  }

  private static Type time(TimeUnit unit, Type.Repetition repetition, String name) {
    LogicalTypeAnnotation.TimeUnit parquet = unit(unit);
    return of(
        parquet == LogicalTypeAnnotation.TimeUnit.MILLIS
            ? PrimitiveTypeName.INT32
            : PrimitiveTypeName.INT64,
        LogicalTypeAnnotation.timeType(false, parquet),
        repetition,
        name);
  }

  private static Type timestamp(ArrowType.Timestamp type, Type.Repetition repetition, String name) {
    return of(
        PrimitiveTypeName.INT64,
        LogicalTypeAnnotation.timestampType(type.getTimezone() != null, unit(type.getUnit())),
        repetition,
        name);
  }
}
