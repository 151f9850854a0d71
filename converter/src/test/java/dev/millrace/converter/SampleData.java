package dev.millrace.converter;

import java.nio.file.Files;
import java.nio.file.Path;

/** Finds the repository's sample data from wherever the tests run. */
final class SampleData {
  private SampleData() {}

  static Path path(String below) {
    Path folder = Path.of(System.getProperty("user.dir")).toAbsolutePath();
    while (folder != null && !Files.isDirectory(folder.resolve("sample-data"))) {
      folder = folder.getParent();
    }
    if (folder == null) {
      throw new IllegalStateException("no folder above holds sample-data");
    }
    return folder.resolve("sample-data").resolve(below);
  }
}
