package dev.millrace.pipeline.read;

import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.job.RetryableException;
import java.io.IOException;

/** Opens the cursor that a file's format asks for. */
public final class RowCursors {
  private RowCursors() {}

  /**
   * Opens a file.
   *
   * @throws InvalidInputException if it is damaged, unreadable or uses what is not supported
   * @throws RetryableException if the network or the storage fails
   */
  public static RowCursor open(InputFile file) {
    try {
      return switch (file.format()) {
        case PARQUET -> new ParquetCursor(file);
        case ARROW_FILE, ARROW_STREAM -> new ArrowCursor(file);
        case JSONL, OPENAI_BATCH -> new JsonCursor(file);
      };
    } catch (IOException e) {
      throw ByteSource.unreadable(file.location(), e);
    }
  }
}
