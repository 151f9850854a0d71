package dev.millrace.jobs.outcome;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonParseException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import org.junit.jupiter.api.Test;

class FailuresTest {
  @Test
  void diskAndNetworkTroubleCanBeTriedAgain() {
    for (IOException trouble :
        List.of(
            new IOException("No space left on device"),
            new FileSystemException("f", null, "Disk quota exceeded"),
            new FileSystemException("f", null, "Stale file handle"),
            new FileSystemException("f", null, "Too many open files"),
            new IOException("Input/output error"),
            new ConnectException("Connection refused"))) {
      CommandException told = Failures.explain(new UncheckedIOException(trouble));

      assertEquals(ExitCode.RETRYABLE, told.exitCode(), trouble.toString());
      assertTrue(told.getMessage().contains(trouble.getMessage()), told.getMessage());
    }
  }

  @Test
  void wrongPathsAndWrongContentsAreTheUsers() {
    for (IOException mistake :
        List.of(
            new NoSuchFileException("f"),
            new AccessDeniedException("f"),
            new FileSystemException("f", null, "Not a directory"),
            new FileSystemException("f", null, "Read-only file system"),
            new JsonParseException("unexpected end"),
            new IOException("expected files, found none that match (path=rows)"))) {
      assertEquals(ExitCode.USAGE, Failures.explain(mistake).exitCode(), mistake.toString());
    }
  }
}
