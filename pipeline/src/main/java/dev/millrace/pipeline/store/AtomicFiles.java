package dev.millrace.pipeline.store;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.HexFormat;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Files that appear whole or not at all: written under another name beside their place, forced to
 * the disk, renamed, and the folder forced too.
 */
public final class AtomicFiles {
  private static final String TEMPORARY = ".tmp";

  private AtomicFiles() {}

  /** The name under which a file is written before it is committed. */
  public static Path temporary(Path target) {
    return target.resolveSibling("." + target.getFileName() + TEMPORARY);
  }

  /** Gives a finished temporary file its name, replacing what is there. */
  public static void commit(Path temporary, Path target) throws IOException {
    force(temporary);
    Files.move(
        temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    force(target.toAbsolutePath().getParent());
  }

  /**
   * Writes a text file. Several may write the same one at once: each has a temporary of its own.
   */
  public static void write(Path target, String content) throws IOException {
    String own = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    Path temporary = temporary(target.resolveSibling(target.getFileName() + "." + own));
    boolean committed = false;
    try {
      Files.writeString(temporary, content, StandardOpenOption.CREATE_NEW);
      commit(temporary, target);
      committed = true;
    } finally {
      if (!committed) {
        Files.deleteIfExists(temporary);
      }
    }
  }

  /** Forces a file or folder to the disk. */
  public static void force(Path path) throws IOException {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  /**
   * Deletes a file or a folder with all below it; what is not there, or what somebody else deletes
   * meanwhile, is fine.
   */
  public static void delete(Path path) throws IOException {
    Files.walkFileTree(
        path,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFileFailed(Path file, IOException cause) throws IOException {
            if (cause instanceof NoSuchFileException) {
              return FileVisitResult.CONTINUE;
            }
            throw cause;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, IOException cause)
              throws IOException {
            if (cause != null) {
              throw cause;
            }
            Files.deleteIfExists(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
