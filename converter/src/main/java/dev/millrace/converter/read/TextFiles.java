package dev.millrace.converter.read;

import java.util.List;

/** Names of the small files beside the weights of a checkpoint. */
public final class TextFiles {
  /** Those copied into a workspace, where they exist. */
  public static final List<String> COPIED =
      List.of(
          "tokenizer.json",
          "tokenizer_config.json",
          "chat_template.jinja",
          "chat_template.json",
          "special_tokens_map.json",
          "added_tokens.json",
          "generation_config.json",
          "config.json");

  private TextFiles() {}

  /** Those that say what a checkpoint is. */
  static List<String> all() {
    return java.util.stream.Stream.concat(COPIED.stream(), QuantizationConfig.SIDE_FILES.stream())
        .toList();
  }
}
