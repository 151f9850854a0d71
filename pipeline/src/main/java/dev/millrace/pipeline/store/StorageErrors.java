package dev.millrace.pipeline.store;

import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.RetryableException;
import dev.millrace.pipeline.read.Outage;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.util.Locale;
import java.util.regex.Pattern;

/** Says what a failed write means: no room, no permission, or something else. */
public final class StorageErrors {
  /** What the system says of a path that can never be used so. */
  private static final Pattern WRONG_PATH =
      Pattern.compile(
          "not a directory|is a directory|file name too long|operation not permitted"
              + "|symbolic links");

  private StorageErrors() {}

  /** Whether there was no room: on the disk, or of the user's share of it. */
  public static boolean isFull(Exception failure) {
    String text = text(failure);
    return text.contains("no space left") || text.contains("quota exceeded");
  }

  /** Whether a file may be used at another time: the disk or the network failed, not the path. */
  public static boolean mayPass(IOException failure) {
    // what a path is, the JDK says by classes of their own; by this one, what else the system says
    boolean untold = failure.getClass() == FileSystemException.class && !isRefused(failure);
    return untold || isFull(failure) || Outage.isCauseOf(failure);
  }

  private static boolean isRefused(Exception failure) {
    String text = text(failure);
    return failure instanceof AccessDeniedException
        || failure instanceof FileAlreadyExistsException
        || failure instanceof ReadOnlyFileSystemException
        || text.contains("permission denied")
        || text.contains("read-only file system")
        || (failure instanceof FileSystemException && WRONG_PATH.matcher(text).find());
  }

  private static String text(Exception failure) {
    return String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT);
  }

  /** The job's exception for a failed write. */
  public static JobException translate(Exception cause, Path path) {
    if (isFull(cause)) {
      return new RetryableException(
          "disk full: cannot write "
              + path
              + "; make room and start the same command again, it continues",
          cause);
    }
    if (isRefused(cause)) {
      return new InvalidInputException(
          "expected an output folder that can be written, found that it cannot: "
              + cause.getClass().getSimpleName()
              + " "
              + cause.getMessage()
              + " (path="
              + path
              + "); choose another output or correct its permissions",
          cause);
    }
    return new RetryableException("reading or writing failed below " + path + ": " + cause, cause);
  }

  /** An action that writes. */
  public interface Action<T> {
    T run() throws IOException;
  }

  /** Runs an action, translating what goes wrong with the storage. */
  public static <T> T guard(Path path, Action<T> action) {
    try {
      return action.run();
    } catch (IOException | ReadOnlyFileSystemException e) {
      throw translate(e, path);
    } catch (JobException e) {
      throw e;
    } catch (RuntimeException e) {
      // some libraries wrap what the storage says when they close their files
      if (e.getCause() instanceof IOException cause) {
        throw translate(cause, path);
      }
      throw e;
    }
  }
}
