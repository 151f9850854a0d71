package dev.millrace.api.workspace;

import java.nio.file.Path;
import java.util.Objects;

/**
 * A run of bytes of a file.
 *
 * @param file where
 * @param offset of the first byte
 * @param bytes how many
 */
public record FileRegion(Path file, long offset, long bytes) {
  public FileRegion {
    Objects.requireNonNull(file, "file");
    if (offset < 0 || bytes < 0) {
      throw new IllegalArgumentException(
          "offset, bytes: expected 0 or more, found %d, %d".formatted(offset, bytes));
    }
  }
}
