package dev.millrace.pipeline.read;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.io.api.Converter;
import org.apache.parquet.io.api.GroupConverter;
import org.apache.parquet.io.api.PrimitiveConverter;
import org.apache.parquet.io.api.RecordMaterializer;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.Type;

/** Assembles Parquet records into the values that the package describes, one array a row. */
final class ParquetValues extends RecordMaterializer<Object[]> {
  private final Struct root;
  private Object[] row;

  ParquetValues(MessageType schema) {
    this.root = new Struct(schema, values -> row = values);
  }

  @Override
  public Object[] getCurrentRecord() {
    return row;
  }

  @Override
  public GroupConverter getRootConverter() {
    return root;
  }

  private static Converter converter(Type type, Consumer<Object> sink) {
    if (type.isPrimitive()) {
      return new Leaf(type.asPrimitiveType(), sink);
    }
    GroupType group = type.asGroupType();
    if (ParquetSchemas.isList(group)) {
      return new ListOf(group, sink);
    }
    if (ParquetSchemas.isMap(group)) {
      return new MapOf(group, sink);
    }
    return struct(group, sink);
  }

  private static Struct struct(GroupType group, Consumer<Object> sink) {
    return new Struct(group, values -> sink.accept(named(group, values)));
  }

  private static Map<String, Object> named(GroupType group, Object[] values) {
    Map<String, Object> struct = new LinkedHashMap<>();
    for (int i = 0; i < values.length; i++) {
      struct.put(group.getFieldName(i), values[i]);
    }
    return struct;
  }

  /** Collects the fields of a group; a field that repeats outside a LIST is a list. */
  private static final class Struct extends GroupConverter {
    private final Converter[] fields;
    private final boolean[] repeated;
    private final Consumer<Object[]> sink;
    private Object[] values;

    Struct(GroupType group, Consumer<Object[]> sink) {
      this.sink = sink;
      this.fields = new Converter[group.getFieldCount()];
      this.repeated = new boolean[fields.length];
      for (int i = 0; i < fields.length; i++) {
        int field = i;
        repeated[i] = group.getType(i).isRepetition(Type.Repetition.REPEATED);
        fields[i] = converter(group.getType(i), value -> put(field, value));
      }
    }

    @SuppressWarnings("unchecked")
    private void put(int field, Object value) {
      if (repeated[field]) {
        ((List<Object>) values[field]).add(value);
      } else {
        values[field] = value;
      }
    }

    @Override
    public Converter getConverter(int field) {
      return fields[field];
    }

    @Override
    public void start() {
      values = new Object[fields.length];
      for (int i = 0; i < fields.length; i++) {
        if (repeated[i]) {
          values[i] = new ArrayList<>();
        }
      }
    }

    @Override
    public void end() {
      sink.accept(values);
    }
  }

  /** A LIST group: one repeated child that holds, or is, the element. */
  private static final class ListOf extends GroupConverter {
    private final Converter repeated;
    private final Consumer<Object> sink;
    private List<Object> elements;

    ListOf(GroupType list, Consumer<Object> sink) {
      this.sink = sink;
      Type element = ParquetSchemas.elementOf(list);
      this.repeated =
          ParquetSchemas.isTwoLevel(list)
              ? converter(element, value -> elements.add(value))
              : new Struct(list.getType(0).asGroupType(), values -> elements.add(values[0]));
    }

    @Override
    public Converter getConverter(int field) {
      return repeated;
    }

    @Override
    public void start() {
      elements = new ArrayList<>();
    }

    @Override
    public void end() {
      sink.accept(elements);
    }
  }

  /** A MAP group: one repeated group of a key and a value. */
  private static final class MapOf extends GroupConverter {
    private final Converter entry;
    private final Consumer<Object> sink;
    private List<Object> entries;

    MapOf(GroupType map, Consumer<Object> sink) {
      this.sink = sink;
      this.entry = new Struct(map.getType(0).asGroupType(), values -> entries.add(entry(values)));
    }

    private static Map<String, Object> entry(Object[] values) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("key", values[0]);
      entry.put("value", values[1]);
      return entry;
    }

    @Override
    public Converter getConverter(int field) {
      return entry;
    }

    @Override
    public void start() {
      entries = new ArrayList<>();
    }

    @Override
    public void end() {
      sink.accept(entries);
    }
  }

  private static final class Leaf extends PrimitiveConverter {
    private static final long JULIAN_EPOCH_DAY = 2_440_588;
    private static final long DAY_NANOS = 86_400_000_000_000L;

    private final PrimitiveType type;
    private final Consumer<Object> sink;
    private final Integer decimalScale;
    private final boolean text;
    private final boolean unsigned32;
    private final boolean half;

    Leaf(PrimitiveType type, Consumer<Object> sink) {
      this.type = type;
      this.sink = sink;
      LogicalTypeAnnotation annotation = type.getLogicalTypeAnnotation();
      this.text = ParquetSchemas.isText(annotation);
      this.half = annotation instanceof LogicalTypeAnnotation.Float16LogicalTypeAnnotation;
      this.unsigned32 =
          annotation instanceof LogicalTypeAnnotation.IntLogicalTypeAnnotation integer
              && !integer.isSigned();
      this.decimalScale =
          annotation instanceof LogicalTypeAnnotation.DecimalLogicalTypeAnnotation decimal
              ? decimal.getScale()
              : null;
    }

    @Override
    public void addBinary(Binary value) {
      byte[] bytes = value.getBytes();
      if (decimalScale != null) {
        sink.accept(new BigDecimal(new BigInteger(bytes), decimalScale));
      } else if (type.getPrimitiveTypeName() == PrimitiveType.PrimitiveTypeName.INT96) {
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        long nanosOfDay = buffer.getLong();
        sink.accept((buffer.getInt() - JULIAN_EPOCH_DAY) * DAY_NANOS + nanosOfDay);
      } else if (half) {
        short bits = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getShort();
        sink.accept(org.apache.arrow.memory.util.Float16.toFloat(bits));
      } else {
        sink.accept(text ? Utf8.value(bytes) : bytes);
      }
    }

    @Override
    public void addBoolean(boolean value) {
      sink.accept(value);
    }

    @Override
    public void addDouble(double value) {
      sink.accept(value);
    }

    @Override
    public void addFloat(float value) {
      sink.accept(value);
    }

    @Override
    public void addInt(int value) {
      if (decimalScale != null) {
        sink.accept(BigDecimal.valueOf(value, decimalScale));
      } else {
        sink.accept(unsigned32 ? Integer.toUnsignedLong(value) : (long) value);
      }
    }

    @Override
    public void addLong(long value) {
      sink.accept(decimalScale != null ? BigDecimal.valueOf(value, decimalScale) : (Object) value);
    }
  }
}
