package dev.millrace.jobs;

import java.nio.file.Files;
import java.nio.file.Path;

/** Finds the repository around the working directory. */
public final class RepositoryFiles {
  private RepositoryFiles() {}

  /** The folder that holds {@code sample-data}. */
  public static Path root() {
    Path folder = Path.of("").toAbsolutePath();
    while (!Files.isDirectory(folder.resolve("sample-data/models"))) {
      folder = folder.getParent();
      if (folder == null) {
        throw new IllegalStateException("No folder above the working directory has sample-data");
      }
    }
    return folder;
  }

  public static Path sampleData(String name) {
    return root().resolve("sample-data").resolve(name);
  }
}
