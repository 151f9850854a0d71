package dev.millrace.pipeline.write;

import dev.millrace.api.request.Completion;
import java.io.Closeable;
import java.io.IOException;

/**
 * Copies the rows of one input file to its output file, the answer beside each; rows that failed
 * also to the failures file.
 */
interface RowCopier extends Closeable {

  /** Copies the next row; false if the input has no more. */
  boolean copy(Completion answer) throws IOException;

  /** Writes what is left of both files. */
  void finish() throws IOException;

  /** Whether a failures file was begun. */
  boolean hasFailures();
}
