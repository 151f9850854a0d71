package dev.millrace.pipeline.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.pipeline.job.ExitCode;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.ReadOnlyFileSystemException;
import java.util.List;
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

  @Test
  void whatThePathIsStaysAndWhatTheDiskSaysMayPass() {
    for (IOException lasting :
        List.of(
            new NoSuchFileException("f"),
            new AccessDeniedException("f"),
            new FileAlreadyExistsException("f"),
            new NotDirectoryException("f"),
            new FileSystemException("f", null, "Not a directory"),
            new FileSystemException("f", null, "Read-only file system"),
            new FileNotFoundException("f (No such file or directory)"),
            new IOException("expected a header line, found an empty file"))) {
      assertFalse(StorageErrors.mayPass(lasting), lasting.toString());
    }
    for (IOException passing :
        List.of(
            new FileSystemException("f", null, "Disk quota exceeded"),
            new FileSystemException("f", null, "Stale file handle"),
            new FileSystemException("f", null, "Structure needs cleaning"),
            new FileNotFoundException("f (Too many open files)"),
            new IOException("No space left on device"),
            new IOException("Input/output error"))) {
      assertTrue(StorageErrors.mayPass(passing), passing.toString());
    }
  }
}
