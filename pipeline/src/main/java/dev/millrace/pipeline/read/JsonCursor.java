package dev.millrace.pipeline.read;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.apache.arrow.vector.types.pojo.ArrowType;
import org.apache.arrow.vector.types.pojo.Field;

/** Rows of a JSON lines file, one {@link JsonRow} a line. */
final class JsonCursor implements RowCursor {
  /** Rows whose keys count as the columns of the file. */
  static final int COLUMN_ROWS = 100;

  private final JsonLines lines;
  private final Deque<JsonRow> ahead = new ArrayDeque<>();
  private final List<Field> columns;

  JsonCursor(InputFile file) throws IOException {
    this.lines = new JsonLines(file);
    this.columns = firstColumns();
  }

  private List<Field> firstColumns() throws IOException {
    Set<String> names = new LinkedHashSet<>();
    byte[] line;
    while (ahead.size() < COLUMN_ROWS && (line = lines.next()) != null) {
      JsonRow row = new JsonRow(line);
      ahead.add(row);
      names.addAll(row.keys());
    }
    List<Field> fields = new ArrayList<>();
    for (String name : names) {
      fields.add(Field.nullable(name, ArrowType.Null.INSTANCE));
    }
    return fields;
  }

  @Override
  public List<Field> columns() {
    return columns;
  }

  @Override
  public void select(List<String> names) {
    // a line is parsed as a whole
  }

  @Override
  public Row next() throws IOException {
    if (!ahead.isEmpty()) {
      return ahead.remove();
    }
    byte[] line = lines.next();
    return line == null ? null : new JsonRow(line);
  }

  @Override
  public void close() throws IOException {
    lines.close();
  }
}
