package dev.millrace.pipeline.read;

/** Formats of input files. */
public enum InputFormat {
  PARQUET("parquet"),
  ARROW_FILE("arrow"),
  ARROW_STREAM("arrow stream"),
  JSONL("jsonl"),
  /** JSON lines of {@code custom_id} and {@code body}. */
  OPENAI_BATCH("openai batch lines");

  private final String title;

  InputFormat(String title) {
    this.title = title;
  }

  /** The name people use. */
  public String title() {
    return title;
  }

  public boolean isJson() {
    return this == JSONL || this == OPENAI_BATCH;
  }

  public boolean isArrow() {
    return this == ARROW_FILE || this == ARROW_STREAM;
  }
}
