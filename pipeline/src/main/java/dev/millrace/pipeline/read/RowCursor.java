package dev.millrace.pipeline.read;

import java.io.Closeable;
import java.io.IOException;
import java.util.List;
import org.apache.arrow.vector.types.pojo.Field;

/** Reads the rows of one file in order, keeping one row group or record batch in memory. */
public interface RowCursor extends Closeable {

  /** All columns of the file, read or not; for JSON lines those of its first rows, untyped. */
  List<Field> columns();

  /** Chooses what {@link Row#value} will be asked for; call before {@link #next}. */
  void select(List<String> columns);

  /**
   * The next row, valid for as long as it is held, or null at the end.
   *
   * @throws IOException if the file cannot be read
   */
  Row next() throws IOException;
}
