package dev.millrace.pipeline.read;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.JobException;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.net.http.HttpTimeoutException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class OutageTest {
  /** Its first page is mapped by no process: reading it is an input/output error. */
  private static final Path FAILING = Path.of("/proc/self/mem");

  private static InputFile failing(InputFormat format) {
    return new InputFile("rows", FAILING.toString(), format, false, 1000, 0);
  }

  private static void assumeItFails() {
    boolean fails = false;
    try (InputStream in = Files.newInputStream(FAILING)) {
      in.read();
    } catch (IOException e) {
      fails = "Input/output error".equals(e.getMessage());
    }
    assumeTrue(fails, "Not run: this system has no file that cannot be read");
  }

  private static void assertRetryable(JobException failure) {
    assertEquals(ExitCode.RETRYABLE, failure.exitCode(), failure.getMessage());
    assertTrue(failure.getMessage().contains("same command again"), failure.getMessage());
  }

  @Test
  void whatNetworksStoresAndDisksSayIsToldFromMistakes() {
    for (Exception outage :
        List.of(
            new SocketException("Connection reset"),
            new SocketTimeoutException("Read timed out"),
            new ConnectException("Connection refused"),
            new UnknownHostException("bucket.example"),
            new HttpTimeoutException("request timed out"),
            new IOException("Stale file handle"),
            new FileNotFoundException("rows (Too many open files)"),
            new IOException("Premature end of Content-Length delimited message body (x)"),
            new IllegalStateException("Slow down. (Service: S3, Status Code: 503, Request ID: 1)"),
            new IllegalStateException("503 Service Unavailable\nGET https://storage"))) {
      assertTrue(Outage.isCauseOf(outage), outage.toString());
      assertTrue(Outage.isCauseOf(new IllegalStateException("wrapped", outage)));
    }
    for (Exception mistake :
        List.of(
            new NoSuchFileException("rows"),
            new EOFException(),
            new ZipException("invalid block type"),
            new UncheckedIOException(
                new IOException("found a row that says Stale file handle (1)")),
            new IllegalStateException("500 is no value of this type"),
            new IllegalStateException("denied (Service: S3, Status Code: 403, Request ID: 1)"),
            new IllegalStateException("absent (Service: S3, Status Code: 404, Request ID: 1)"))) {
      assertFalse(Outage.isCauseOf(mistake), mistake.toString());
    }
  }

  @Test
  void aStoreThatDoesNotAnswerCanBeTriedAgain() {
    JobException failure =
        ObjectStores.unusable(
            "s3://bucket/rows.jsonl",
            new IOException("Error matching", new SocketTimeoutException("Read timed out")));

    assertRetryable(failure);
    assertTrue(failure.getMessage().contains("s3://bucket/rows.jsonl"), failure.getMessage());
  }

  @Test
  void aFileWhoseReadingBreaksOffIsNotCalledDamaged() {
    InputFile file = failing(InputFormat.PARQUET);

    assertRetryable(file.damaged("row group 1", new SocketException("Broken pipe")));
    assertEquals(
        ExitCode.INVALID_INPUT,
        file.damaged("row group 1", new EOFException("it ends")).exitCode());
  }

  @Test
  void anInputOnAFailingDiskCanBeTriedAgain() {
    assumeItFails();

    assertRetryable(
        assertThrows(
            JobException.class,
            () -> InputFiles.find(List.of(FAILING.toString()), Path.of("out"))));
  }

  @ParameterizedTest
  @EnumSource(names = {"PARQUET", "ARROW_STREAM", "JSONL"})
  void rowsOnAFailingDiskCanBeTriedAgain(InputFormat format) {
    assumeItFails();

    assertRetryable(assertThrows(JobException.class, () -> RowCursors.open(failing(format))));
  }
}
