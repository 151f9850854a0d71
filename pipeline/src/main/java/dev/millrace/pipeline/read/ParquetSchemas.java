package dev.millrace.pipeline.read;

import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.vector.types.DateUnit;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.TimeUnit;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.Type;

/** Parquet types as Arrow types, by the rules of the Parquet format's LogicalTypes.md. */
final class ParquetSchemas {
  private ParquetSchemas() {}

  static List<Field> fields(MessageType schema) {
    return schema.getFields().stream().map(ParquetSchemas::field).toList();
  }

  static Field field(Type type) {
    if (type.isRepetition(Type.Repetition.REPEATED)) {
      return list(type.getName(), false, single(type, "element", false));
    }
    return single(type, type.getName(), type.isRepetition(Type.Repetition.OPTIONAL));
  }

  private static Field list(String name, boolean nullable, Field element) {
    return new Field(
        name, new FieldType(nullable, ArrowType.List.INSTANCE, null), List.of(element));
  }

  private static Field single(Type type, String name, boolean nullable) {
    if (type.isPrimitive()) {
      return new Field(
          name, new FieldType(nullable, primitive(type.asPrimitiveType()), null), null);
    }
    GroupType group = type.asGroupType();
    if (isList(group)) {
      Type element = elementOf(group);
      boolean repeated = element.isRepetition(Type.Repetition.REPEATED);
      return list(
          name,
          nullable,
          single(element, "element", !repeated && element.isRepetition(Type.Repetition.OPTIONAL)));
    }
    if (isMap(group)) {
      GroupType entry = group.getType(0).asGroupType();
      Field key = single(entry.getType(0), "key", false);
      Field value = single(entry.getType(1), "value", true);
      Field entries =
          new Field(
              "entries",
              new FieldType(false, ArrowType.Struct.INSTANCE, null),
              List.of(key, value));
      return new Field(
          name, new FieldType(nullable, new ArrowType.Map(false), null), List.of(entries));
    }
    List<Field> children = new ArrayList<>();
    for (Type child : group.getFields()) {
      children.add(field(child));
    }
    return new Field(name, new FieldType(nullable, ArrowType.Struct.INSTANCE, null), children);
  }

  static boolean isList(GroupType group) {
    return group.getLogicalTypeAnnotation()
            instanceof LogicalTypeAnnotation.ListLogicalTypeAnnotation
        && group.getFieldCount() == 1
        && group.getType(0).isRepetition(Type.Repetition.REPEATED);
  }

  static boolean isMap(GroupType group) {
    LogicalTypeAnnotation annotation = group.getLogicalTypeAnnotation();
    return (annotation instanceof LogicalTypeAnnotation.MapLogicalTypeAnnotation
            || annotation instanceof LogicalTypeAnnotation.MapKeyValueTypeAnnotation)
        && group.getFieldCount() == 1
        && !group.getType(0).isPrimitive()
        && group.getType(0).asGroupType().getFieldCount() == 2;
  }

  /** The element of a list: below the repeated group, or in older files that field itself. */
  static Type elementOf(GroupType list) {
    Type repeated = list.getType(0);
    return isTwoLevel(list) ? repeated : repeated.asGroupType().getType(0);
  }

  /** Whether the repeated field of a list is the element itself, as older writers have it. */
  static boolean isTwoLevel(GroupType list) {
    Type repeated = list.getType(0);
    if (repeated.isPrimitive()) {
      return true;
    }
    GroupType group = repeated.asGroupType();
    return group.getFieldCount() != 1
        || group.getType(0).isRepetition(Type.Repetition.REPEATED)
        || group.getName().equals("array")
        || group.getName().equals(list.getName() + "_tuple");
  }

  private static ArrowType primitive(PrimitiveType type) {
    LogicalTypeAnnotation annotation = type.getLogicalTypeAnnotation();
    if (annotation instanceof LogicalTypeAnnotation.DecimalLogicalTypeAnnotation decimal) {
      int bits = decimal.getPrecision() > 38 ? 256 : 128;
      return new ArrowType.Decimal(decimal.getPrecision(), decimal.getScale(), bits);
    }
    return switch (type.getPrimitiveTypeName()) {
      case BOOLEAN -> ArrowType.Bool.INSTANCE;
      case FLOAT -> new ArrowType.FloatingPoint(FloatingPointPrecision.SINGLE);
      case DOUBLE -> new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE);
      case INT96 -> new ArrowType.Timestamp(TimeUnit.NANOSECOND, null);
      case INT32, INT64 -> integer(type, annotation);
      case BINARY -> isText(annotation) ? ArrowType.Utf8.INSTANCE : ArrowType.Binary.INSTANCE;
      case FIXED_LEN_BYTE_ARRAY ->
          annotation instanceof LogicalTypeAnnotation.Float16LogicalTypeAnnotation
              ? new ArrowType.FloatingPoint(FloatingPointPrecision.HALF)
              : new ArrowType.FixedSizeBinary(type.getTypeLength());
    };
  }

  static boolean isText(LogicalTypeAnnotation annotation) {
    return annotation instanceof LogicalTypeAnnotation.StringLogicalTypeAnnotation
        || annotation instanceof LogicalTypeAnnotation.EnumLogicalTypeAnnotation
        || annotation instanceof LogicalTypeAnnotation.JsonLogicalTypeAnnotation;
  }

  private static ArrowType integer(PrimitiveType type, LogicalTypeAnnotation annotation) {
    int bits = type.getPrimitiveTypeName() == PrimitiveType.PrimitiveTypeName.INT32 ? 32 : 64;
    if (annotation instanceof LogicalTypeAnnotation.IntLogicalTypeAnnotation integer) {
      return new ArrowType.Int(integer.getBitWidth(), integer.isSigned());
    }
    if (annotation instanceof LogicalTypeAnnotation.DateLogicalTypeAnnotation) {
      return new ArrowType.Date(DateUnit.DAY);
    }
    if (annotation instanceof LogicalTypeAnnotation.TimeLogicalTypeAnnotation time) {
      return new ArrowType.Time(unit(time.getUnit()), bits);
    }
    if (annotation instanceof LogicalTypeAnnotation.TimestampLogicalTypeAnnotation timestamp) {
      return new ArrowType.Timestamp(
          unit(timestamp.getUnit()), timestamp.isAdjustedToUTC() ? "UTC" : null);
    }
    return new ArrowType.Int(bits, true);
  }

  private static TimeUnit unit(LogicalTypeAnnotation.TimeUnit unit) {
    return switch (unit) {
      case MILLIS -> TimeUnit.MILLISECOND;
      case MICROS -> TimeUnit.MICROSECOND;
      case NANOS -> TimeUnit.NANOSECOND;
    };
  }
}
