package dev.millrace.pipeline.group;

import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Opens files that are written once from front to back. */
final class Scratch {
  private static final int BUFFER_BYTES = 1 << 16;

  private Scratch() {}

  static DataOutputStream output(Path path) throws IOException {
    return new DataOutputStream(
        new BufferedOutputStream(Files.newOutputStream(path), BUFFER_BYTES));
  }
}
