package dev.millrace.engine.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Iterator;
import java.util.List;
import java.util.Set;

/** Strict reading of JSON objects: nothing unknown is passed over. */
final class JsonNodes {
  private JsonNodes() {}

  /** Refuses a field that is not among the known ones. */
  static void requireKnownFields(JsonNode node, String where, String... known) {
    Set<String> names = Set.of(known);
    for (Iterator<String> fields = node.fieldNames(); fields.hasNext(); ) {
      String field = fields.next();
      if (!names.contains(field)) {
        throw new IllegalArgumentException(
            where + ": the field '" + field + "' is not supported (supported: " + names + ")");
      }
    }
  }

  static String text(JsonNode node, String field, String where) {
    JsonNode value = node.path(field);
    if (!value.isTextual()) {
      throw new IllegalArgumentException(
          where + ": expected a string in '" + field + "', found " + shown(value));
    }
    return value.textValue();
  }

  static boolean flag(JsonNode node, String field, boolean absent, String where) {
    JsonNode value = node.path(field);
    if (value.isMissingNode() || value.isNull()) {
      return absent;
    }
    if (!value.isBoolean()) {
      throw new IllegalArgumentException(
          where + ": expected true or false in '" + field + "', found " + shown(value));
    }
    return value.booleanValue();
  }

  static JsonNode array(JsonNode node, String field, String where) {
    JsonNode value = node.path(field);
    if (!value.isArray()) {
      throw new IllegalArgumentException(
          where + ": expected an array in '" + field + "', found " + shown(value));
    }
    return value;
  }

  static IllegalArgumentException unsupportedType(
      String where, JsonNode node, List<String> supported) {
    return new IllegalArgumentException(
        where
            + ": type "
            + shown(node.path("type"))
            + " is not supported (supported: "
            + supported
            + ")");
  }

  /** A value as an error message may show it. */
  static String shown(JsonNode value) {
    String text = value.isMissingNode() ? "nothing" : value.toString();
    return text.length() <= 120 ? text : text.substring(0, 120) + "...";
  }
}
