package dev.millrace.pipeline.write;

import dev.millrace.pipeline.job.OutputFormat;
import dev.millrace.pipeline.read.InputFile;
import dev.millrace.pipeline.read.InputFormat;

/** Names and formats of output files. */
public final class OutputNames {
  private static final String EXTENSION =
      "\\.(parquet|parq|pq|arrow|arrows|feather|ipc|jsonl|ndjson|jsonlines|json)(\\.gz)?$";

  private OutputNames() {}

  /** The format that is written for an input of a format. */
  static OutputFormat resolve(InputFormat input, OutputFormat asked) {
    if (asked != OutputFormat.SAME) {
      return asked;
    }
    return switch (input) {
      case PARQUET -> OutputFormat.PARQUET;
      case ARROW_FILE, ARROW_STREAM -> OutputFormat.ARROW;
      case JSONL, OPENAI_BATCH -> OutputFormat.JSONL;
    };
  }

  /** The output file's name: the input's, with the extension of the format if that changes. */
  public static String of(InputFile input, OutputFormat asked) {
    OutputFormat same = resolve(input.format(), OutputFormat.SAME);
    OutputFormat written = resolve(input.format(), asked);
    if (written == same) {
      return input.name();
    }
    String stem = input.name().replaceFirst("(?i)" + EXTENSION, "");
    return stem
        + switch (written) {
          case PARQUET -> ".parquet";
          case ARROW -> ".arrow";
          case JSONL -> ".jsonl";
          case SAME -> throw new IllegalStateException("resolved above");
        };
  }
}
