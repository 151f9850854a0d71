package dev.millrace.pipeline.read;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.types.FloatingPointPrecision;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.FieldType;

/**
 * The type that JSON values have in common, for writing JSON rows as a table. Whole and other
 * numbers join as doubles; values that have nothing in common, and objects without keys, are JSON
 * text.
 */
public final class JsonType {
  private enum Kind {
    NULL,
    BOOL,
    LONG,
    DOUBLE,
    TEXT,
    LIST,
    OBJECT,
    ANY
  }

  /** Metadata key of columns whose values are written as JSON text. */
  public static final String JSON_TEXT = "millrace.json";

  private static final JsonType NOTHING = new JsonType(Kind.NULL, null, Map.of());
  private static final JsonType ANYTHING = new JsonType(Kind.ANY, null, Map.of());

  private final Kind kind;
  private final JsonType element;
  private final Map<String, JsonType> fields;

  private JsonType(Kind kind, JsonType element, Map<String, JsonType> fields) {
    this.kind = kind;
    this.element = element;
    this.fields = fields;
  }

  /** The type of no value at all. */
  public static JsonType nothing() {
    return NOTHING;
  }

  /** The type of one value. */
  public static JsonType of(Object value) {
    if (value == null) {
      return NOTHING;
    }
    if (value instanceof Boolean) {
      return new JsonType(Kind.BOOL, null, Map.of());
    }
    if (value instanceof Long) {
      return new JsonType(Kind.LONG, null, Map.of());
    }
    if (value instanceof Number) {
      return new JsonType(value instanceof Double ? Kind.DOUBLE : Kind.ANY, null, Map.of());
    }
    if (value instanceof List<?> list) {
      JsonType element = NOTHING;
      for (Object each : list) {
        element = element.join(of(each));
      }
      return new JsonType(Kind.LIST, element, Map.of());
    }
    if (value instanceof Map<?, ?> object) {
      Map<String, JsonType> fields = new LinkedHashMap<>();
      object.forEach((name, field) -> fields.put((String) name, of(field)));
      return new JsonType(Kind.OBJECT, null, fields);
    }
    return new JsonType(Kind.TEXT, null, Map.of());
  }

  /** The type that holds the values of both. Keys keep the order in which they were first met. */
  public JsonType join(JsonType other) {
    if (kind == Kind.NULL) {
      return other;
    }
    if (other.kind == Kind.NULL) {
      return this;
    }
    if (kind != other.kind) {
      boolean numbers = isNumber() && other.isNumber();
      return numbers ? new JsonType(Kind.DOUBLE, null, Map.of()) : ANYTHING;
    }
    if (kind == Kind.LIST) {
      JsonType joined = element.join(other.element);
      return joined == element ? this : new JsonType(Kind.LIST, joined, Map.of());
    }
    if (kind == Kind.OBJECT) {
      return joinFields(other);
    }
    return this;
  }

  private JsonType joinFields(JsonType other) {
    Map<String, JsonType> joined = new LinkedHashMap<>(fields);
    boolean changed = false;
    for (Map.Entry<String, JsonType> field : other.fields.entrySet()) {
      JsonType mine = joined.get(field.getKey());
      JsonType both = mine == null ? field.getValue() : mine.join(field.getValue());
      changed |= both != mine;
      joined.put(field.getKey(), both);
    }
    return changed ? new JsonType(Kind.OBJECT, null, joined) : this;
  }

  private boolean isNumber() {
    return kind == Kind.LONG || kind == Kind.DOUBLE;
  }

  /** The columns of a table of such objects. */
  public List<Field> columns() {
    List<Field> columns = new ArrayList<>();
    fields.forEach((name, type) -> columns.add(type.field(name)));
    return columns;
  }

  private Field field(String name) {
    return switch (kind) {
      case NULL -> scalar(name, ArrowType.Null.INSTANCE);
      case BOOL -> scalar(name, ArrowType.Bool.INSTANCE);
      case LONG -> scalar(name, new ArrowType.Int(64, true));
      case DOUBLE -> scalar(name, new ArrowType.FloatingPoint(FloatingPointPrecision.DOUBLE));
      case TEXT -> scalar(name, ArrowType.Utf8.INSTANCE);
      case LIST ->
          new Field(
              name, FieldType.nullable(ArrowType.List.INSTANCE), List.of(element.field("element")));
      case OBJECT ->
          fields.isEmpty()
              ? jsonText(name)
              : new Field(name, FieldType.nullable(ArrowType.Struct.INSTANCE), columns());
      case ANY -> jsonText(name);
    };
  }

  private static Field scalar(String name, ArrowType type) {
    // a column of nulls alone has no type of its own: text holds nulls in every format
    ArrowType written = type instanceof ArrowType.Null ? ArrowType.Utf8.INSTANCE : type;
    return new Field(name, FieldType.nullable(written), null);
  }

  private static Field jsonText(String name) {
    return new Field(
        name, new FieldType(true, ArrowType.Utf8.INSTANCE, null, Map.of(JSON_TEXT, "true")), null);
  }
}
