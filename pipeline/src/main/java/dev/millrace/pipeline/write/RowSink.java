package dev.millrace.pipeline.write;

import java.io.Closeable;
import java.io.IOException;

/** Writes rows of values to a file. */
interface RowSink extends Closeable {

  /** Appends a row: one value for each of the sink's fields. */
  void write(Object[] values) throws IOException;

  /** Writes what is left of the file; nothing can be appended afterwards. */
  void finish() throws IOException;
}
