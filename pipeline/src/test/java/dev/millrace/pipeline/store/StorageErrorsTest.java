package dev.millrace.pipeline.store;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.millrace.pipeline.job.ExitCode;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import org.junit.jupiter.api.Test;

final class StorageErrorsTest {
  private static ExitCode code(Exception cause) {
    return StorageErrors.translate(cause, Path.of("out")).exitCode();
  }

  @Test
  void aFullDiskIsRetryableAndAFolderThatCannotBeWrittenIsNot() {
    assertEquals(ExitCode.RETRYABLE, code(new IOException("No space left on device")));
    assertEquals(
        ExitCode.RETRYABLE, code(new FileSystemException("f", null, "Disk quota exceeded")));
    assertEquals(ExitCode.INVALID_INPUT, code(new AccessDeniedException("out")));
    assertEquals(ExitCode.INVALID_INPUT, code(new ReadOnlyFileSystemException()));
    assertEquals(
        ExitCode.INVALID_INPUT, code(new FileSystemException("f", null, "Read-only file system")));
    assertEquals(ExitCode.RETRYABLE, code(new IOException("Input/output error")));
  }
}
