package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.workspace.FileRegion;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.WeightData;
import dev.millrace.engine.compute.WeightShape;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class WeightSourceTest {
  private static final int ROW_BYTES = 6;
  private static final int ROWS = 7;

  @TempDir private Path folder;
  private final byte[] bytes = new byte[ROWS * ROW_BYTES];
  private Path file;

  @BeforeEach
  void writeTwoRangesApart() throws IOException {
    new Random(3).nextBytes(bytes);
    file = folder.resolve("data");
    byte[] content = new byte[100];
    System.arraycopy(bytes, 0, content, 10, 12);
    System.arraycopy(bytes, 12, content, 50, 30);
    Files.write(file, content);
  }

  private WeightData data(List<FileRegion> files) {
    ByteBuffer all = ByteBuffer.wrap(bytes);
    return new WeightData(
        "w",
        WeightShape.outputMajor(DType.F16, ROWS, ROW_BYTES / 2),
        List.of(all.slice(0, 12), all.slice(12, 30)),
        files);
  }

  private List<FileRegion> regions() {
    return List.of(new FileRegion(file, 10, 12), new FileRegion(file, 50, 30));
  }

  private static FileChannel open(FileRegion region) {
    try {
      return FileChannel.open(region.file(), StandardOpenOption.READ);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void everyPartIsTheSameFromMemoryAndFromItsFile() {
    WeightSource memory = new WeightSource(data(List.of()), region -> null);
    WeightSource files = new WeightSource(data(regions()), WeightSourceTest::open);
    for (int from = 0; from < bytes.length; from++) {
      for (int to = from; to <= bytes.length; to++) {
        for (WeightSource source : List.of(memory, files)) {
          ByteBuffer target = ByteBuffer.allocateDirect(bytes.length + 1);
          source.read(from, target.limit(to - from));
          byte[] found = new byte[to - from];
          target.flip().get(found);

          assertArrayEquals(Arrays.copyOfRange(bytes, from, to), found);
        }
      }
    }
  }

  @Test
  void fileThatEndsEarlyIsToldWithTheWeight() throws IOException {
    Files.write(file, new byte[60]);
    WeightSource source = new WeightSource(data(regions()), WeightSourceTest::open);

    UncheckedIOException error =
        assertThrows(
            UncheckedIOException.class, () -> source.read(0, ByteBuffer.allocate(bytes.length)));

    assertTrue(error.getMessage().contains("weight w"), error.getMessage());
    assertTrue(error.getMessage().contains("ends at byte 60"), error.getMessage());
  }
}
