package dev.millrace.pipeline.write;

import dev.millrace.api.request.Completion;
import dev.millrace.pipeline.read.InputFile;
import dev.millrace.pipeline.read.JsonRow;
import dev.millrace.pipeline.read.Row;
import dev.millrace.pipeline.read.RowCursor;
import dev.millrace.pipeline.read.RowCursors;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import org.apache.arrow.vector.types.pojo.Field;

/** Copies rows to another format, value by value. */
final class ValueCopier implements RowCopier {
  private final RowCursor cursor;
  private final List<Field> columns;
  private final AnswerColumns answers;
  private final FailureOutput failures;
  private final Sinks sinks;
  private final RowSink sink;
  private RowSink failureSink;

  /** Opens a sink of the output's format. */
  interface Sinks {
    RowSink open(List<Field> fields, OutputStream out) throws IOException;
  }

  /**
   * @param columns of the input; for JSON lines those found while they were staged
   */
  ValueCopier(
      InputFile file,
      List<Field> columns,
      AnswerColumns answers,
      Sinks sinks,
      OutputStream out,
      FailureOutput failures)
      throws IOException {
    this.cursor = RowCursors.open(file);
    this.columns = columns == null ? cursor.columns() : columns;
    cursor.select(this.columns.stream().map(Field::getName).toList());
    this.answers = answers;
    this.failures = failures;
    this.sinks = sinks;
    this.sink = sinks.open(joined(this.columns, answers.fields()), out);
  }

  private static List<Field> joined(List<Field> left, List<Field> right) {
    List<Field> fields = new ArrayList<>(left);
    fields.addAll(right);
    return fields;
  }

  @Override
  public boolean copy(Completion answer) throws IOException {
    Row row = cursor.next();
    if (row == null) {
      return false;
    }
    Object[] added = answers.values(answer);
    sink.write(values(row, columns, added));
    if (answer.isFailed()) {
      List<Field> kept =
          columns.stream().filter(f -> !FailureColumns.NAMES.contains(f.getName())).toList();
      if (failureSink == null) {
        failureSink = sinks.open(joined(kept, FailureColumns.FIELDS), failures.open());
      }
      failureSink.write(values(row, kept, FailureColumns.values(answer.failure())));
    }
    return true;
  }

  private static Object[] values(Row row, List<Field> columns, Object[] added) {
    Object[] values = new Object[columns.size() + added.length];
    for (int i = 0; i < columns.size(); i++) {
      values[i] = value(row, columns.get(i).getName());
    }
    System.arraycopy(added, 0, values, columns.size(), added.length);
    return values;
  }

  private static Object value(Row row, String column) {
    try {
      return row instanceof JsonRow json ? json.object().get(column) : row.value(column);
    } catch (Row.InvalidRowException e) {
      return null; // the row's failure says why it has no values
    }
  }

  @Override
  public void finish() throws IOException {
    sink.finish();
    if (failureSink != null) {
      failureSink.finish();
    }
  }

  @Override
  public boolean hasFailures() {
    return failureSink != null;
  }

  @Override
  public void close() throws IOException {
    cursor.close();
    sink.close();
    if (failureSink != null) {
      failureSink.close();
    }
  }
}
