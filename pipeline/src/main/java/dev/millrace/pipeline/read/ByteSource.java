package dev.millrace.pipeline.read;

import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.RetryableException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import org.apache.beam.sdk.io.FileSystems;
import org.apache.beam.sdk.io.fs.MatchResult;

/** Opens files by location: local ones directly, others through the file systems Beam knows. */
public final class ByteSource {
  private ByteSource() {}

  static boolean isLocal(String location) {
    return !location.contains("://") || location.startsWith("file://");
  }

  static Path localPath(String location) {
    return location.startsWith("file://")
        ? Path.of(java.net.URI.create(location))
        : Path.of(location);
  }

  /** Whether a path names the file itself. */
  public static boolean isAt(InputFile file, Path path) throws IOException {
    return isLocal(file.location())
        && Files.exists(path)
        && Files.isSameFile(localPath(file.location()), path);
  }

  static SeekableByteChannel open(InputFile file) throws IOException {
    if (isLocal(file.location())) {
      return Files.newByteChannel(localPath(file.location()));
    }
    ReadableByteChannel channel =
        FileSystems.open(FileSystems.matchNewResource(file.location(), false));
    if (channel instanceof SeekableByteChannel seekable) {
      return seekable;
    }
    channel.close();
    throw new InvalidInputException(
        "expected a file system that reads from any position, found one that reads forward only"
            + " (file="
            + file.location()
            + "); copy the file to a local folder");
  }

  /** The job's exception for an input that cannot be opened, with the reason. */
  static JobException unreadable(String location, IOException cause) {
    return Outage.orElse(
        new InvalidInputException(
            "expected an input that can be read, found that it cannot: "
                + reason(cause)
                + " (input="
                + location
                + ")",
            cause),
        location);
  }

  /** What the JDK says by a class alone has a message that is only the path. */
  private static String reason(IOException cause) {
    if (cause instanceof AccessDeniedException) {
      return "permission denied; let this user read it";
    }
    if (cause instanceof FileSystemException file) {
      return file.getReason() == null ? cause.getClass().getSimpleName() : file.getReason();
    }
    return String.valueOf(cause.getMessage());
  }

  /**
   * Compares a file with what it was when the job was planned.
   *
   * @throws InvalidInputException if its size or time changed, or it is gone
   */
  public static void verifyUnchanged(InputFile planned) {
    long bytes;
    long modified;
    try {
      if (isLocal(planned.location())) {
        BasicFileAttributes now =
            Files.readAttributes(localPath(planned.location()), BasicFileAttributes.class);
        bytes = now.size();
        modified = now.lastModifiedTime().toMillis();
      } else {
        MatchResult.Metadata now = FileSystems.matchSingleFileSpec(planned.location());
        bytes = now.sizeBytes();
        modified = now.lastModifiedMillis();
      }
    } catch (NoSuchFileException | FileNotFoundException e) {
      throw new InvalidInputException(
          "expected the input file that the job was planned with, found it gone (file="
              + planned.location()
              + "); put it back",
          e);
    } catch (IOException e) {
      throw new RetryableException(
          "cannot read the state of " + planned.location() + ": " + e.getMessage(), e);
    }
    if (bytes != planned.bytes() || modified != planned.modifiedMillis()) {
      throw new InvalidInputException(
          "input file changed while the job used it: expected "
              + planned.bytes()
              + " bytes of time "
              + planned.modifiedMillis()
              + ", found "
              + bytes
              + " bytes of time "
              + modified
              + " (file="
              + planned.location()
              + "); wait until it is complete and start again with a new output folder");
    }
  }
}
