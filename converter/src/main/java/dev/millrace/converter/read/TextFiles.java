package dev.millrace.converter.read;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
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

  /** Adds those files of a folder that exist to a digest, with their names. */
  public static void addTo(MessageDigest digest, Path folder, List<String> names)
      throws IOException {
    for (String name : names) {
      Path file = folder.resolve(name);
      if (Files.isRegularFile(file)) {
        digest.update((name + "\n" + Files.size(file) + "\n").getBytes(StandardCharsets.UTF_8));
        digest.update(Files.readAllBytes(file));
      }
    }
  }

  /** Those that say what a checkpoint is. */
  static List<String> all() {
    return java.util.stream.Stream.concat(COPIED.stream(), QuantizationConfig.SIDE_FILES.stream())
        .toList();
  }
}
