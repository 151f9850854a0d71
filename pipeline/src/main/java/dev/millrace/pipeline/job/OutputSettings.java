package dev.millrace.pipeline.job;

import java.io.Serializable;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/**
 * Where results go and what they look like.
 *
 * @param folder local folder, created if absent; one output file per input file, under the same
 *     relative name. A path as text, so that it can travel
 * @param format format of the output files
 * @param column name of the output column; the others are named after it: {@code NAME_error},
 *     {@code NAME_meta}, and where asked {@code NAME_logprobs}, {@code NAME_prompt_logprobs},
 *     {@code NAME_token_ids}, {@code NAME_score}
 * @param tokenIds also write the generated token ids
 * @param keepWorkFiles leave the work folder {@code _millrace} in place after success
 */
public record OutputSettings(
    String folder, OutputFormat format, String column, boolean tokenIds, boolean keepWorkFiles)
    implements Serializable {
  public OutputSettings {
    Objects.requireNonNull(folder, "folder");
    Objects.requireNonNull(format, "format");
    if (column == null || column.isBlank()) {
      throw new InvalidInputException("output column: expected a name, found none; give it one");
    }
  }

  /** The input's format, column {@code output}, work files removed at the end. */
  public static OutputSettings to(Path folder) {
    return new OutputSettings(folder.toString(), OutputFormat.SAME, "output", false, false);
  }

  public OutputSettings withFormat(OutputFormat value) {
    return new OutputSettings(folder, value, column, tokenIds, keepWorkFiles);
  }

  public OutputSettings withColumn(String value) {
    return new OutputSettings(folder, format, value, tokenIds, keepWorkFiles);
  }

  public OutputSettings withTokenIds(boolean value) {
    return new OutputSettings(folder, format, column, value, keepWorkFiles);
  }

  public OutputSettings withKeepWorkFiles(boolean value) {
    return new OutputSettings(folder, format, column, tokenIds, value);
  }

  /** Every column that may be added to the input's: none of them may be among the input's. */
  public List<String> columnNames() {
    return List.of(
        column,
        column + "_error",
        column + "_meta",
        column + "_logprobs",
        column + "_prompt_logprobs",
        column + "_token_ids",
        column + "_score");
  }

  public Path path() {
    return Path.of(folder);
  }
}
