package dev.millrace.api.workspace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is published is whole, and what is not can be told to be a leftover. */
class StagingFolderTest {
  @TempDir private Path folder;

  private List<String> names(Path path) throws IOException {
    try (var entries = Files.list(path)) {
      return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void whatTheEndOfTheProcessHasDeletedIsNotPublished() throws IOException {
    Path target = folder.resolve("ws");
    try (StagingFolder staging = StagingFolder.beside(target)) {
      staging.deleteAtExit();
      Files.createDirectory(staging.path()); // as far as the deletion did not come
      Files.writeString(staging.path().resolve("manifest.json"), "{}");

      assertThrows(IOException.class, () -> staging.publish(target));
    }

    assertEquals(List.of(), names(folder));
  }

  @Test
  void theLockIsKeptUntilTheFolderHasItsName() throws IOException {
    Path target = Files.createDirectory(folder.resolve("ws"));
    Path mine = Files.writeString(target.resolve("mine"), "mine");
    try (StagingFolder staging = StagingFolder.beside(target)) {
      Files.writeString(staging.path().resolve("manifest.json"), "{}");

      assertThrows(FileSystemException.class, () -> staging.publish(target));
      assertEquals(
          List.of(".lock", "manifest.json"), names(staging.path()), "a leftover if we die");

      Files.delete(mine);
      staging.publish(target);
      assertFalse(Files.exists(staging.path()));
    }

    assertEquals(List.of("manifest.json"), names(target));
    assertTrue(Files.exists(target), "it stays when the folder is closed");
  }
}
