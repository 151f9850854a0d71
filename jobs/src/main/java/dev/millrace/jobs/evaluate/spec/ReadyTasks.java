package dev.millrace.jobs.evaluate.spec;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * The tasks that come with the program: one YAML file each, with what a task of a spec holds but
 * for the path of its data. A spec takes one with {@code use: NAME} and may change any key of it.
 */
public final class ReadyTasks {
  private static final String FOLDER = "/dev/millrace/jobs/evaluate/tasks/";

  private static final List<String> NAMES =
      List.of(
          "arc",
          "boolq",
          "boolq_passage",
          "gsm8k",
          "humaneval",
          "ifeval",
          "mmlu",
          "openbookqa",
          "piqa",
          "siqa",
          "wikitext",
          "winogrande");

  private ReadyTasks() {}

  /** Their names, sorted. */
  public static List<String> names() {
    return NAMES;
  }

  /** The YAML of a task, or nothing if there is none of that name. */
  public static Optional<String> yaml(String name) {
    if (!NAMES.contains(name)) {
      return Optional.empty();
    }
    try (InputStream in = ReadyTasks.class.getResourceAsStream(FOLDER + name + ".yaml")) {
      return Optional.of(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
