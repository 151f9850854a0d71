package dev.millrace.pipeline.write;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.apache.arrow.vector.types.pojo.Field;

/**
 * A Parquet file of plain values, for reports: texts as {@link String}, numbers as {@link Number},
 * lists as {@link List}, structs as {@link java.util.Map} by name. The file appears whole under its
 * name on {@link #commit}, or not at all.
 */
public final class ParquetTable implements Closeable {
  private final CommittedFile file;
  private final ParquetSink sink;
  private final int columns;
  private boolean committed;

  private ParquetTable(CommittedFile file, List<Field> fields) throws IOException {
    this.file = file;
    this.sink = new ParquetSink(fields, file);
    this.columns = fields.size();
  }

  /** Begins a file with these columns. */
  public static ParquetTable create(Path path, List<Field> fields) throws IOException {
    return new ParquetTable(new CommittedFile(path), fields);
  }

  /** Appends a row: a value, or null, for each column. */
  public void write(Object... values) throws IOException {
    if (values.length != columns) {
      throw new IllegalArgumentException("expected " + columns + " values, found " + values.length);
    }
    sink.write(values);
  }

  /** Gives the finished file its name. */
  public void commit() throws IOException {
    sink.finish();
    file.commit();
    committed = true;
  }

  /** Drops what was not committed. */
  @Override
  public void close() throws IOException {
    if (!committed) {
      file.discard();
    }
  }
}
