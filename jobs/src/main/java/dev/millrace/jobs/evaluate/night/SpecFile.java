package dev.millrace.jobs.evaluate.night;

import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.pipeline.store.JobDescription;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HexFormat;

/**
 * The evaluation's file, seen from outside: its bytes are enough to tell one from another, so that
 * a night is on record even if the file turns out not to be valid.
 *
 * @param name the file's name without its ending
 * @param fingerprint SHA-256 of its bytes
 */
record SpecFile(String name, String fingerprint) {
  static SpecFile read(Path file) throws IOException {
    try {
      byte[] bytes = Files.readAllBytes(file);
      String name = file.getFileName().toString().replaceFirst("\\.(ya?ml|json)$", "");
      return new SpecFile(name, HexFormat.of().formatHex(JobDescription.sha256().digest(bytes)));
    } catch (NoSuchFileException e) {
      throw CommandException.usage(
          "Expected an evaluation's file, found no file " + file, "Check the path.");
    }
  }
}
