package dev.millrace.pipeline.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Files that several threads write or delete at once. */
@Timeout(120)
final class AtomicFilesTest {
  private static final int THREADS = 4;

  @TempDir private Path folder;

  /** Runs an action on several threads at the same time; fails as the first of them does. */
  private static void atOnce(Callable<Void> action)
      throws InterruptedException, ExecutionException {
    CyclicBarrier start = new CyclicBarrier(THREADS);
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try {
      List<Future<Void>> all = new ArrayList<>();
      for (int i = 0; i < THREADS; i++) {
        all.add(
            threads.submit(
                () -> {
                  start.await();
                  return action.call();
                }));
      }
      for (Future<Void> one : all) {
        one.get();
      }
    } finally {
      threads.shutdownNow();
    }
  }

  private List<Path> names(Path in) throws IOException {
    try (Stream<Path> entries = Files.list(in)) {
      return entries.map(Path::getFileName).toList();
    }
  }

  @Test
  void severalMayWriteOneFileAtOnce() throws Exception {
    Path file = folder.resolve("worker.json");
    String content = "x".repeat(10_000);

    atOnce(
        () -> {
          for (int i = 0; i < 50; i++) {
            AtomicFiles.write(file, content);
          }
          return null;
        });

    assertEquals(content, Files.readString(file));
    assertEquals(List.of(file.getFileName()), names(folder));
  }

  @Test
  void aWriteThatFailsLeavesNothing() throws IOException {
    Path taken = Files.createDirectories(folder.resolve("taken/below")).getParent();

    assertThrows(IOException.class, () -> AtomicFiles.write(taken, "text"));

    assertEquals(List.of(taken.getFileName()), names(folder));
  }

  @Test
  void severalMayDeleteOneFolderAtOnce() throws Exception {
    for (int round = 0; round < 5; round++) {
      Path dead = folder.resolve("w-1-" + round);
      for (int i = 0; i < 50; i++) {
        Path below = Files.createDirectories(dead.resolve("d" + i));
        for (int k = 0; k < 10; k++) {
          Files.writeString(below.resolve("f" + k), "");
        }
      }

      atOnce(
          () -> {
            AtomicFiles.delete(dead);
            return null;
          });

      assertFalse(Files.exists(dead));
    }
    AtomicFiles.delete(folder.resolve("never there"));
    assertTrue(names(folder).isEmpty());
  }
}
