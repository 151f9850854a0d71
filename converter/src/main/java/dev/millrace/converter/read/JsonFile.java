package dev.millrace.converter.read;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** A JSON object in a file, with typed fields: a field of another type is refused by its name. */
public final class JsonFile {
  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          // Python writes NaN and Infinity
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .build();

  private static final String CORRECT = "correct the file, or download the checkpoint again";

  private final String where;
  private final JsonNode object;

  private JsonFile(String where, JsonNode object) {
    this.where = where;
    this.object = object;
  }

  /** Reads a file that must be there. */
  public static JsonFile read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) {
      throw new CheckpointException(
          file.toString(), "a JSON file", "no such file", "name a folder that holds a checkpoint");
    }
    return parse(file.getFileName().toString(), Files.readAllBytes(file));
  }

  /**
   * Reads a file's content.
   *
   * @param where its name, for messages
   */
  static JsonFile parse(String where, byte[] content) throws IOException {
    JsonNode tree;
    try {
      tree = MAPPER.readTree(content);
    } catch (JsonProcessingException e) {
      throw new CheckpointException(where, "valid JSON", e.getOriginalMessage(), CORRECT, e);
    }
    if (!tree.isObject()) {
      throw new CheckpointException(where, "a JSON object", "other JSON", CORRECT);
    }
    return new JsonFile(where, tree);
  }

  /** Reads a file if it is there. */
  public static Optional<JsonFile> find(Path file) throws IOException {
    return Files.isRegularFile(file) ? Optional.of(read(file)) : Optional.empty();
  }

  /** The raw object. */
  public JsonNode object() {
    return object;
  }

  /** File and path of a field, for messages. */
  public String where(String field) {
    return where + ", " + field;
  }

  public boolean has(String field) {
    return object.hasNonNull(field);
  }

  /** A nested object, or null. */
  public JsonFile child(String field) throws CheckpointException {
    if (!has(field)) {
      return null;
    }
    JsonNode child = object.get(field);
    if (!child.isObject()) {
      throw wrong(field, "a JSON object");
    }
    return new JsonFile(where(field), child);
  }

  public int requireInt(String field) throws CheckpointException {
    if (!has(field)) {
      throw wrong(field, "a whole number");
    }
    return findInt(field, 0);
  }

  /** A whole number of at least 0, or the fallback where there is none. */
  public int findInt(String field, int fallback) throws CheckpointException {
    if (!has(field)) {
      return fallback;
    }
    JsonNode node = object.get(field);
    if (!node.canConvertToExactIntegral() || !node.canConvertToInt() || node.intValue() < -1) {
      throw wrong(field, "a whole number below 2^31");
    }
    return node.intValue();
  }

  /** A number, or the fallback where there is none. */
  public double findNumber(String field, double fallback) throws CheckpointException {
    Double number = findNumber(field);
    return number == null ? fallback : number;
  }

  /** A number, or null. */
  public Double findNumber(String field) throws CheckpointException {
    if (!has(field)) {
      return null;
    }
    if (!object.get(field).isNumber()) {
      throw wrong(field, "a number");
    }
    return object.get(field).doubleValue();
  }

  public boolean findBoolean(String field, boolean fallback) throws CheckpointException {
    if (!has(field)) {
      return fallback;
    }
    if (!object.get(field).isBoolean()) {
      throw wrong(field, "true or false");
    }
    return object.get(field).booleanValue();
  }

  public String findText(String field, String fallback) throws CheckpointException {
    if (!has(field)) {
      return fallback;
    }
    if (!object.get(field).isTextual()) {
      throw wrong(field, "a text");
    }
    return object.get(field).textValue();
  }

  private CheckpointException wrong(String field, String expected) {
    String found = has(field) ? object.get(field).toString() : "nothing";
    return new CheckpointException(where(field), expected, found, CORRECT);
  }
}
