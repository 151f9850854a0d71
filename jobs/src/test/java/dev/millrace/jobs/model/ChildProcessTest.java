package dev.millrace.jobs.model;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.jobs.console.Console;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChildProcessTest {
  private static final long POLL_MILLIS = 5;

  @TempDir private Path folder;

  /** Has a process of its own convert a model of a gigabyte into {@code args[0]}. */
  public static void main(String[] args) throws IOException {
    new ChildProcess(Console.ofProcess())
        .convert("--random", "1", "--config", "qwen2.5-0.5b", "--output", args[0]);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  @Timeout(120)
  void aConversionEndsWithTheProcessThatWantedIt(boolean killed) throws Exception {
    Path workspace = folder.resolve("workspace");
    Path log = folder.resolve("log.txt");
    Process wanting =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                System.getProperty("java.class.path"),
                ChildProcessTest.class.getName(),
                workspace.toString())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    List<ProcessHandle> converting = List.of();
    try {
      Optional<Path> unfinished = unfinished();
      while (unfinished.isEmpty()) {
        assertTrue(wanting.isAlive(), () -> printed(log));
        Thread.sleep(POLL_MILLIS);
        unfinished = unfinished();
      }
      converting = wanting.descendants().toList();
      if (killed) {
        wanting.destroyForcibly();
      } else {
        wanting.destroy();
      }
      wanting.waitFor();

      while (Files.exists(unfinished.get())) { // until it is deleted or published
        Thread.sleep(POLL_MILLIS);
      }

      assertFalse(Files.exists(workspace), "the conversion went on");
    } finally {
      wanting.destroyForcibly();
      converting.forEach(ProcessHandle::destroyForcibly);
    }
  }

  /** The hidden folder of a conversion that has begun to write weights. */
  private Optional<Path> unfinished() throws IOException {
    try (var files = Files.walk(folder)) {
      return files
          .filter(
              file -> file.getFileName().toString().endsWith(".bin") && file.toFile().length() > 0)
          .map(Path::getParent)
          .findAny();
    }
  }

  private static String printed(Path log) {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
