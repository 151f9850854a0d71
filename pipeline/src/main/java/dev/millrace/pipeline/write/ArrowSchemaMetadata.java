package dev.millrace.pipeline.write;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.apache.arrow.vector.ipc.ReadChannel;
import org.apache.arrow.vector.ipc.WriteChannel;
import org.apache.arrow.vector.ipc.message.MessageSerializer;
import org.apache.arrow.vector.types.pojo.Field;
import org.apache.arrow.vector.types.pojo.Schema;

/**
 * The Arrow schema that Arrow's writers leave in a Parquet file's metadata, so that readers restore
 * types that Parquet lacks. It must list exactly the file's columns.
 */
final class ArrowSchemaMetadata {
  private static final String KEY = "ARROW:schema";

  private ArrowSchemaMetadata() {}

  /**
   * Adds fields to the schema, if there is one; takes it out if it does not fit the file: without
   * it readers fall back on the Parquet types.
   *
   * @param kept columns of the input that are written
   * @param columns columns of the input
   */
  static void extend(Map<String, String> metadata, int kept, int columns, List<Field> added) {
    String encoded = metadata.remove(KEY);
    if (encoded == null || kept != columns) {
      return;
    }
    try {
      Schema schema = read(encoded);
      if (schema.getFields().size() == columns) {
        List<Field> fields = new ArrayList<>(schema.getFields());
        fields.addAll(added);
        metadata.put(KEY, write(new Schema(fields, schema.getCustomMetadata())));
      }
    } catch (IOException | RuntimeException e) {
      return; // not a schema that Arrow reads: the Parquet types stand
    }
  }

  private static Schema read(String encoded) throws IOException {
    byte[] bytes = Base64.getDecoder().decode(encoded);
    try (ReadChannel in = new ReadChannel(Channels.newChannel(new ByteArrayInputStream(bytes)))) {
      return MessageSerializer.deserializeSchema(in);
    }
  }

  private static String write(Schema schema) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (WriteChannel out = new WriteChannel(Channels.newChannel(bytes))) {
      MessageSerializer.serialize(out, schema);
    }
    return Base64.getEncoder().encodeToString(bytes.toByteArray());
  }
}
