package dev.millrace.pipeline.write;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import org.apache.arrow.vector.types.pojo.Field;

/** Writes rows as JSON lines, one key a field. */
final class JsonSink implements RowSink {
  private final List<Field> fields;
  private final OutputStream out;

  JsonSink(List<Field> fields, OutputStream out) {
    this.fields = fields;
    this.out = out;
  }

  @Override
  public void write(Object[] values) throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream(512);
    try (JsonGenerator json = JsonValues.generator(line)) {
      json.writeStartObject();
      for (int i = 0; i < values.length; i++) {
        json.writeFieldName(fields.get(i).getName());
        JsonValues.write(json, fields.get(i), values[i]);
      }
      json.writeEndObject();
    }
    line.write('\n');
    line.writeTo(out);
  }

  @Override
  public void finish() throws IOException {
    out.flush();
  }

  @Override
  public void close() throws IOException {
    out.close();
  }
}
