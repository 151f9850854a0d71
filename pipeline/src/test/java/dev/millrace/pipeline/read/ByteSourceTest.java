package dev.millrace.pipeline.read;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.JobException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystemLoopException;
import org.junit.jupiter.api.Test;

final class ByteSourceTest {
  private static void assertSaid(String reason, IOException cause) {
    JobException refused = ByteSource.unreadable("/in/rows.jsonl", cause);

    assertEquals(ExitCode.INVALID_INPUT, refused.exitCode());
    assertEquals(
        "expected an input that can be read, found that it cannot: "
            + reason
            + " (input=/in/rows.jsonl)",
        refused.getMessage());
  }

  @Test
  void anUnreadableInputIsToldWithTheReasonAndNotOnlyItsPath() {
    assertSaid(
        "permission denied; let this user read it", new AccessDeniedException("/in/rows.jsonl"));
    assertSaid("FileSystemLoopException", new FileSystemLoopException("/in/rows.jsonl"));
    assertSaid("Is a directory", new FileSystemException("/in/rows.jsonl", null, "Is a directory"));
    assertSaid("unexpected end", new IOException("unexpected end"));
  }
}
