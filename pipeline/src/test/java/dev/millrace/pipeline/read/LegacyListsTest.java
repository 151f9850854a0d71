package dev.millrace.pipeline.read;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.MessageTypeParser;
import org.junit.jupiter.api.Test;

/** Lists as older Parquet writers spell them, by the rules of the format's LogicalTypes.md. */
final class LegacyListsTest {
  private static String type(String field) {
    MessageType schema = MessageTypeParser.parseMessageType("message m { " + field + " }");
    List<Field> fields = ParquetSchemas.fields(schema);
    return fields.get(0).toString();
  }

  @Test
  void listsOfEverySpellingAreLists() {
    String list = "a: List<element: Utf8 not null>";
    assertEquals(
        list,
        type(
            "optional group a (LIST) { repeated group list { required binary element (STRING); } }"));
    assertEquals(list, type("optional group a (LIST) { repeated binary array (STRING); }"));
    assertEquals("a: List<element: Utf8 not null> not null", type("repeated binary a (STRING);"));
    String structs = "a: List<element: Struct<role: Utf8, content: Utf8> not null>";
    String fields = "optional binary role (STRING); optional binary content (STRING);";
    assertEquals(
        structs, type("optional group a (LIST) { repeated group element { " + fields + " } }"));
    assertEquals(
        "a: List<element: Struct<role: Utf8> not null>",
        type(
            "optional group a (LIST) { repeated group array { optional binary role (STRING); } }"));
    assertEquals(
        "a: List<element: Struct<role: Utf8> not null>",
        type(
            "optional group a (LIST) { repeated group a_tuple { optional binary role (STRING); } }"));
  }

  @Test
  void mapsOfBothSpellingsAreMaps() {
    String map =
        "a: Map(false)<entries: Struct<key: Utf8 not null, value: Int(64, true)> not null>";
    String entry = " { required binary key (STRING); optional int64 value; } }";
    assertEquals(map, type("optional group a (MAP) { repeated group key_value" + entry));
    assertEquals(map, type("optional group a (MAP_KEY_VALUE) { repeated group map" + entry));
  }
}
