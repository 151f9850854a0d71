package dev.millrace.pipeline.job;

/** How output files are written. */
public enum OutputFormat {
  /** As the input file: Parquet, Arrow file, Arrow stream, JSON lines or OpenAI batch lines. */
  SAME,
  /** Parquet, zstd pages. */
  PARQUET,
  /**
   * Arrow IPC file (Feather v2). A stream with dictionaries stays a stream: it may replace them
   * between batches, a file cannot.
   */
  ARROW,
  /** JSON lines. */
  JSONL
}
