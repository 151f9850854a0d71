package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.workspace.FileRegion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ReadRateTest {
  private static final int BYTES = 3 * UploadLane.STAGE_BYTES + 5;

  @TempDir private Path folder;
  private Path file;

  @BeforeEach
  void writeMoreThanAStage() throws IOException {
    file = folder.resolve("data");
    Files.write(file, new byte[BYTES]);
  }

  @Test
  void regionsAreReadToTheirEnds() throws InterruptedException {
    double rate =
        ReadRate.bytesPerSecond(
            List.of(new FileRegion(file, 0, 7), new FileRegion(file, 4096, BYTES - 4096)));

    assertTrue(rate > 0, "bytes a second: " + rate);
  }

  @Test
  void nothingToReadHasNoRate() throws InterruptedException {
    assertEquals(0, ReadRate.bytesPerSecond(List.of()));
  }

  @Test
  void fileThatEndsEarlyIsTold() {
    UncheckedIOException error =
        assertThrows(
            UncheckedIOException.class,
            () -> ReadRate.bytesPerSecond(List.of(new FileRegion(file, 1, BYTES))));

    assertTrue(error.getMessage().contains(file + " ends early"), error.getMessage());
  }
}
