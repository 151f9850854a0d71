package dev.millrace.pipeline.read;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A JSON line; parsed when first asked, on whatever thread asks. */
public final class JsonRow implements Row {
  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxStringLength(JsonLines.LINE_BYTES_MAX)
                  .maxNestingDepth(256)
                  .maxNameLength(1 << 20)
                  .build())
          .build();

  private final byte[] line;
  private Map<String, Object> object;

  public JsonRow(byte[] line) {
    this.line = line;
  }

  /** The line's bytes as they stand in the file. */
  public byte[] line() {
    return line;
  }

  @Override
  public Object value(String column) throws InvalidRowException {
    return object().get(column);
  }

  /** The keys of the object in order; none if the line cannot be parsed. */
  Set<String> keys() {
    try {
      return object().keySet();
    } catch (InvalidRowException e) {
      return Set.of(); // the row becomes a failure when its turn comes; it names no columns
    }
  }

  @Override
  public long weightBytes() {
    return line.length;
  }

  /** The line as values, keys in order. */
  public Map<String, Object> object() throws InvalidRowException {
    if (object == null) {
      object = parse(line);
    }
    return object;
  }

  private static Map<String, Object> parse(byte[] line) throws InvalidRowException {
    if (line.length > JsonLines.LINE_BYTES_MAX) {
      throw new InvalidRowException(
          "expected a line of at most "
              + JsonLines.LINE_BYTES_MAX
              + " bytes, found a longer one; shorten it");
    }
    if (!(Utf8.value(line) instanceof String text)) {
      throw new InvalidRowException("expected UTF-8, found other bytes; write the line as UTF-8");
    }
    try (JsonParser parser = JSON.createParser(text)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new InvalidRowException(
            "expected a JSON object, found " + parser.currentToken() + "; write {...}");
      }
      @SuppressWarnings("unchecked")
      Map<String, Object> parsed = (Map<String, Object>) value(parser);
      if (parser.nextToken() != null) {
        throw new InvalidRowException("expected one JSON object in the line, found more behind it");
      }
      return parsed;
    } catch (JsonProcessingException e) {
      throw new InvalidRowException(
          "expected a JSON object, found: "
              + e.getOriginalMessage()
              + " at column "
              + (e.getLocation() == null ? 0 : e.getLocation().getColumnNr()));
    } catch (IOException e) {
      throw new InvalidRowException("cannot parse the line: " + e.getMessage());
    }
  }

  /**
   * Parses any JSON text into values.
   *
   * @throws InvalidRowException if it is not JSON
   */
  public static Object parseText(String json) throws InvalidRowException {
    try (JsonParser parser = JSON.createParser(json)) {
      if (parser.nextToken() == null) {
        throw new InvalidRowException("expected JSON, found empty text");
      }
      Object value = value(parser);
      if (parser.nextToken() != null) {
        throw new InvalidRowException("expected one JSON value, found more behind it");
      }
      return value;
    } catch (JsonProcessingException e) {
      throw new InvalidRowException("expected JSON, found: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new InvalidRowException("cannot parse JSON: " + e.getMessage());
    }
  }

  private static Object value(JsonParser parser) throws IOException {
    return switch (parser.currentToken()) {
      case START_OBJECT -> {
        Map<String, Object> fields = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String name = parser.currentName();
          parser.nextToken();
          fields.put(name, value(parser));
        }
        yield fields;
      }
      case START_ARRAY -> {
        List<Object> elements = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          elements.add(value(parser));
        }
        yield elements;
      }
      case VALUE_STRING -> parser.getText();
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_NULL -> null;
      case VALUE_NUMBER_INT ->
          parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
              ? parser.getBigIntegerValue()
              : (Object) parser.getLongValue();
      case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
      default -> throw new IOException("unexpected " + parser.currentToken());
    };
  }
}
