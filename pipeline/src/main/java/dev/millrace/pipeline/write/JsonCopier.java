package dev.millrace.pipeline.write;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.millrace.api.request.Completion;
import dev.millrace.pipeline.read.InputFile;
import dev.millrace.pipeline.read.JsonLines;
import dev.millrace.pipeline.read.JsonRow;
import dev.millrace.pipeline.read.Row;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import org.apache.arrow.vector.types.pojo.Field;

/**
 * Copies JSON lines: the bytes of each line stay as they are, the new keys are put before its last
 * brace. A line that is no JSON object becomes the text of {@code invalid_line}. Answers to OpenAI
 * batch lines are written as that format's response lines instead.
 */
final class JsonCopier implements RowCopier {
  private static final String INVALID_LINE = "invalid_line";

  private final JsonLines lines;
  private final AnswerColumns answers;
  private final OpenAiResponses responses; // null for plain JSON lines
  private final OutputStream out;
  private final FailureOutput failures;
  private OutputStream failureOut;

  JsonCopier(
      InputFile file,
      AnswerColumns answers,
      OpenAiResponses responses,
      OutputStream out,
      FailureOutput failures)
      throws IOException {
    this.lines = new JsonLines(file);
    this.answers = answers;
    this.responses = responses;
    this.out = out;
    this.failures = failures;
  }

  @Override
  public boolean copy(Completion answer) throws IOException {
    byte[] line = lines.next();
    if (line == null) {
      return false;
    }
    JsonRow row = new JsonRow(line);
    if (responses != null) {
      responses.write(out, row, answer);
    } else {
      write(out, row, answers.fields(), answers.values(answer));
    }
    if (answer.isFailed()) {
      if (failureOut == null) {
        failureOut = failures.open();
      }
      write(failureOut, row, FailureColumns.FIELDS, FailureColumns.values(answer.failure()));
    }
    return true;
  }

  private static void write(OutputStream out, JsonRow row, List<Field> fields, Object[] values)
      throws IOException {
    Set<String> keys;
    try {
      keys = row.object().keySet();
    } catch (Row.InvalidRowException e) {
      writeInvalid(out, row, fields, values); // the reason is among the values
      return;
    }
    if (fields.stream().anyMatch(f -> keys.contains(f.getName()))) {
      rewrite(out, row, fields, values);
      return;
    }
    byte[] line = row.line();
    int brace = line.length - 1;
    while (line[brace] != '}') {
      brace--;
    }
    byte[] added = object(fields, values);
    out.write(line, 0, brace);
    if (!keys.isEmpty()) {
      out.write(',');
    }
    out.write(added, 1, added.length - 1);
    out.write('\n');
  }

  /** A failures file read again: its two columns are replaced. */
  private static void rewrite(OutputStream out, JsonRow row, List<Field> fields, Object[] values)
      throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
    try (JsonGenerator json = JsonValues.generator(bytes)) {
      json.writeStartObject();
      for (var entry : row.object().entrySet()) {
        if (fields.stream().noneMatch(f -> f.getName().equals(entry.getKey()))) {
          json.writeFieldName(entry.getKey());
          JsonValues.write(json, entry.getValue());
        }
      }
      for (int i = 0; i < values.length; i++) {
        json.writeFieldName(fields.get(i).getName());
        JsonValues.write(json, fields.get(i), values[i]);
      }
      json.writeEndObject();
    } catch (Row.InvalidRowException e) {
      throw new IOException("a line was parsed before", e);
    }
    bytes.write('\n');
    bytes.writeTo(out);
  }

  private static void writeInvalid(
      OutputStream out, JsonRow row, List<Field> fields, Object[] values) throws IOException {
    byte[] rest = object(fields, values);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
    try (JsonGenerator json = JsonValues.generator(bytes)) {
      json.writeStartObject();
      json.writeStringField(INVALID_LINE, new String(row.line(), StandardCharsets.UTF_8));
      json.writeEndObject();
    }
    byte[] start = bytes.toByteArray();
    out.write(start, 0, start.length - 1);
    out.write(',');
    out.write(rest, 1, rest.length - 1);
    out.write('\n');
  }

  private static byte[] object(List<Field> fields, Object[] values) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
    try (JsonGenerator json = JsonValues.generator(bytes)) {
      json.writeStartObject();
      for (int i = 0; i < values.length; i++) {
        json.writeFieldName(fields.get(i).getName());
        JsonValues.write(json, fields.get(i), values[i]);
      }
      json.writeEndObject();
    }
    return bytes.toByteArray();
  }

  @Override
  public void finish() throws IOException {
    out.close();
    if (failureOut != null) {
      failureOut.close();
    }
  }

  @Override
  public boolean hasFailures() {
    return failureOut != null;
  }

  @Override
  public void close() throws IOException {
    lines.close();
    out.close();
    if (failureOut != null) {
      failureOut.close();
    }
  }
}
