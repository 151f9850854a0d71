package dev.millrace.pipeline.store;

import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.RetryableException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.util.Locale;

/** Says what a failed write means: no room, no permission, or something else. */
public final class StorageErrors {
  private StorageErrors() {}

  /** The job's exception for a failed write. */
  public static JobException translate(Exception cause, Path path) {
    String message = String.valueOf(cause.getMessage());
    String lower = message.toLowerCase(Locale.ROOT);
    if (lower.contains("no space left") || lower.contains("quota exceeded")) {
      return new RetryableException(
          "disk full: cannot write "
              + path
              + "; make room and start the same command again, it continues",
          cause);
    }
    boolean refused =
        cause instanceof AccessDeniedException
            || cause instanceof FileAlreadyExistsException
            || cause instanceof ReadOnlyFileSystemException
            || lower.contains("permission denied")
            || lower.contains("read-only file system")
            || (cause instanceof FileSystemException && lower.contains("not a directory"));
    if (refused) {
      return new InvalidInputException(
          "expected an output folder that can be written, found that it cannot: "
              + cause.getClass().getSimpleName()
              + " "
              + message
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
