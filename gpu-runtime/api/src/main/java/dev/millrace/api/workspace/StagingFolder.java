package dev.millrace.api.workspace;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.UUID;

/**
 * A hidden folder beside a target in which it is made. Its owner holds a lock on a file in it: the
 * operating system drops the lock when the owner dies, however it dies, so that a folder whose lock
 * is free is a leftover.
 */
final class StagingFolder implements AutoCloseable {
  private static final String INFIX = ".unfinished-";
  private static final String LOCK_FILE = ".lock";

  private final Path path;
  private final FileChannel lockChannel;
  private final Thread atExit = new Thread(this::deleteAtExit, "staging-folder-exit");
  private boolean deleted; // guarded by this, as is everything done to the folder as a whole

  private StagingFolder(Path path, FileChannel lockChannel) {
    this.path = path;
    this.lockChannel = lockChannel;
  }

  /** Makes a new one, after removing those that dead processes left for the same target. */
  static StagingFolder beside(Path target) throws IOException {
    Path parent = target.getParent();
    if (parent == null) {
      throw new IOException("the root folder cannot be a workspace: " + target);
    }
    Files.createDirectories(parent);
    String prefix = "." + target.getFileName() + INFIX;
    removeLeftovers(parent, prefix);
    // not a temporary folder of the JDK's: those are closed to other users, for good
    Path path = parent.resolve(prefix + UUID.randomUUID());
    Files.createDirectory(path);
    FileChannel channel =
        FileChannel.open(
            path.resolve(LOCK_FILE), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    StagingFolder folder = new StagingFolder(path, channel);
    Runtime.getRuntime().addShutdownHook(folder.atExit);
    FileLock lock = channel.tryLock();
    if (lock == null) {
      folder.close();
      throw new IOException("another process took a fresh folder: " + path);
    }
    return folder;
  }

  Path path() {
    return path;
  }

  /**
   * Forces the folder to disk and renames it to the target. The lock is kept until then: whenever
   * this process dies, it leaves a workspace or a leftover.
   *
   * @throws IOException if it was deleted, as at the end of the process
   */
  synchronized void publish(Path target) throws IOException {
    if (deleted) { // files that were written since then are not the whole of it
      throw new IOException(
          "expected " + path + " to publish as " + target + ", found it deleted: the process ends");
    }
    force(path);
    Files.move(path, target, StandardCopyOption.ATOMIC_MOVE);
    Files.deleteIfExists(target.resolve(LOCK_FILE));
    force(target.getParent());
    close();
  }

  /** Removes the folder if it is still there under its hidden name. Idempotent. */
  @Override
  public synchronized void close() throws IOException {
    removeHook();
    lockChannel.close();
    deleted = true;
    delete(path);
  }

  private void removeHook() {
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException e) {
      // the JVM is on its way out: the hook does the rest
    }
  }

  /** When the process is asked to end in the middle, gigabytes are not left until the next one. */
  synchronized void deleteAtExit() {
    deleted = true;
    try {
      delete(path);
    } catch (IOException e) {
      // nobody is left to tell, and the next conversion beside it removes leftovers
    }
  }

  /** Forces a folder's entries to disk. */
  static void force(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }

  private static void removeLeftovers(Path parent, String prefix) throws IOException {
    try (DirectoryStream<Path> folders =
        Files.newDirectoryStream(
            parent, entry -> entry.getFileName().toString().startsWith(prefix))) {
      for (Path folder : folders) {
        if (isLeftover(folder)) {
          delete(folder);
        }
      }
    }
  }

  private static boolean isLeftover(Path folder) throws IOException {
    Path file = folder.resolve(LOCK_FILE);
    if (!Files.isRegularFile(file)) {
      return false;
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock()) {
      return lock != null;
    } catch (OverlappingFileLockException e) {
      return false; // ours: another conversion in this process
    }
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.deleteIfExists(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path visited, IOException failed)
              throws IOException {
            Files.deleteIfExists(visited);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
