package dev.millrace.pipeline.group;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SpillSorterTest {
  @TempDir private Path folder;

  @Test
  void spilledRunsMergeIntoTheOrderOfAllRecords() throws IOException {
    long seed = Long.getLong("tests.seed", System.nanoTime());
    System.out.println("SpillSorterTest seed " + seed + " (-Dtests.seed=" + seed + ")");
    Random random = new Random(seed);
    // none, one, a few in memory, many runs, more runs than are merged at once
    for (int count : new int[] {0, 1, 13, 1000, 5000}) {
      for (long memory : new long[] {1 << 20, 2000}) {
        List<byte[]> records = new ArrayList<>();
        Path runs = folder.resolve("runs" + count + "-" + memory);
        try (SpillSorter sorter = new SpillSorter(runs, memory)) {
          for (int i = 0; i < count; i++) {
            byte[] record = new byte[random.nextInt(12)];
            random.nextBytes(record);
            records.add(record);
            sorter.add(record);
          }
          records.sort(Arrays::compareUnsigned);
          try (SpillSorter.Sorted sorted = sorter.sorted()) {
            for (byte[] record : records) {
              assertArrayEquals(record, sorted.next(), "seed " + seed);
            }
            assertNull(sorted.next());
          }
        }
        assertFalse(Files.exists(runs), "runs are removed");
      }
    }
  }
}
