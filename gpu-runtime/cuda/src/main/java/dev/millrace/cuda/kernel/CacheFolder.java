package dev.millrace.cuda.kernel;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;

/**
 * Files that are expensive to make and can be made again: machine code, chosen algorithms. A file
 * is whole or not there: written aside, forced to disk, renamed. A first line names the SHA-256 of
 * the rest; what does not match is made again.
 */
public final class CacheFolder {
  /** Names the folder in place of the usual one. */
  public static final String FOLDER_VARIABLE = "MILLRACE_CACHE";

  private final Path folder;

  public CacheFolder(Path folder) {
    this.folder = folder;
  }

  /** {@code $MILLRACE_CACHE}, {@code $XDG_CACHE_HOME/millrace} or {@code ~/.cache/millrace}. */
  public static CacheFolder usual() {
    Map<String, String> environment = System.getenv();
    String named = environment.get(FOLDER_VARIABLE);
    if (named != null && !named.isBlank()) {
      return new CacheFolder(Path.of(named));
    }
    String xdg = environment.get("XDG_CACHE_HOME");
    return new CacheFolder(
        xdg != null && !xdg.isBlank()
            ? Path.of(xdg, "millrace")
            : Path.of(System.getProperty("user.home", "."), ".cache", "millrace"));
  }

  public Path path() {
    return folder;
  }

  /** The content of a file, if it is there and whole. */
  public Optional<byte[]> read(String name) {
    byte[] file;
    try {
      file = Files.readAllBytes(folder.resolve(name));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the cache file " + folder.resolve(name), e);
    }
    int digest = HEADER_BYTES;
    if (file.length < digest) {
      return Optional.empty();
    }
    byte[] content = java.util.Arrays.copyOfRange(file, digest, file.length);
    String header = new String(file, 0, digest, java.nio.charset.StandardCharsets.US_ASCII);
    return header.equals(sha256(content) + "\n") ? Optional.of(content) : Optional.empty();
  }

  private static final int HEADER_BYTES = 65;

  /**
   * Writes a file.
   *
   * @throws UncheckedIOException if the folder cannot be written
   */
  public void write(String name, byte[] content) {
    try {
      Path target = folder.resolve(name);
      Files.createDirectories(target.toAbsolutePath().getParent());
      Path aside = Files.createTempFile(target.toAbsolutePath().getParent(), ".writing-", ".tmp");
      try (FileChannel channel = FileChannel.open(aside, StandardOpenOption.WRITE)) {
        ByteBuffer header =
            ByteBuffer.wrap(
                (sha256(content) + "\n").getBytes(java.nio.charset.StandardCharsets.US_ASCII));
        while (header.hasRemaining()) {
          channel.write(header);
        }
        ByteBuffer rest = ByteBuffer.wrap(content);
        while (rest.hasRemaining()) {
          channel.write(rest);
        }
        channel.force(true);
      }
      publish(aside, target);
    } catch (IOException e) {
      throw new UncheckedIOException(
          "cannot write the cache file %s; name another folder in %s"
              .formatted(folder.resolve(name), FOLDER_VARIABLE),
          e);
    }
  }

  private static void publish(Path aside, Path target) throws IOException {
    try {
      Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(aside, target, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  public static String sha256(byte[]... parts) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (byte[] part : parts) {
        digest.update(part);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JVM has SHA-256", e);
    }
  }
}
