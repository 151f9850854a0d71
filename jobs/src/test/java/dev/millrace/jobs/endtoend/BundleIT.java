package dev.millrace.jobs.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.jobs.RepositoryFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The portable bundle as a folder, made from the distribution that this build packed, and held to
 * its promise by the script that checks the archive too. Packing it takes minutes: {@code
 * bin/bundle} does that.
 */
class BundleIT {
  private static final long MINUTES_MAX = 10;

  /** Far above what it takes on disk, far below what it would with natives of other platforms. */
  private static final long BYTES_MAX = 400L << 20;

  @TempDir private Path folder;

  @BeforeEach
  void bundlesAreForOnePlatform() {
    String platform = System.getProperty("os.name") + " " + System.getProperty("os.arch");
    assumeTrue(platform.equals("Linux amd64"), "bundles are made on Linux x86-64, not " + platform);
  }

  private static Path source(String name) {
    return RepositoryFiles.root().resolve("jobs/src/bundle").resolve(name);
  }

  private static Path distribution() throws IOException {
    Path target = RepositoryFiles.root().resolve("jobs/target");
    try (Stream<Path> folders = Files.list(target)) {
      Path outer =
          folders
              .filter(path -> path.getFileName().toString().matches("millrace-[0-9.]+"))
              .filter(Files::isDirectory)
              .findFirst()
              .orElseThrow(() -> new IllegalStateException("no distribution in " + target));
      return outer.resolve(outer.getFileName());
    }
  }

  private String run(int expected, List<String> command) throws IOException, InterruptedException {
    Path printed = folder.resolve("printed.txt");
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(printed.toFile())
            .start();
    assertTrue(process.waitFor(MINUTES_MAX, TimeUnit.MINUTES), command::toString);
    assertEquals(expected, process.exitValue(), Files.readString(printed));
    return Files.readString(printed);
  }

  private static List<String> bundle(Path rules, Path made) throws IOException {
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-cp",
        System.getProperty("java.class.path"),
        source("Bundle.java").toString(),
        "folder",
        distribution().toString(),
        rules.toString(),
        made.toString());
  }

  @Test
  void bundleRunsWithAnEmptyEnvironmentAndWithoutJava() throws Exception {
    Path made = folder.resolve("millrace");

    run(0, bundle(source("leave-out.txt"), made));
    run(0, List.of(source("check").toString(), made.toString(), "--limit", "20"));

    try (Stream<Path> files = Files.walk(made)) {
      long bytes =
          files.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum();
      assertTrue(bytes < BYTES_MAX, bytes + " bytes on disk");
    }
    assertTrue(Files.exists(made.resolve("LICENSE")));
    assertTrue(Files.exists(made.resolve("jre/legal/java.base/LICENSE")));
  }

  @Test
  void ruleThatMatchesNothingIsRefusedWithItsText() throws Exception {
    Path rules = folder.resolve("rules.txt");
    Files.writeString(
        rules,
        Files.readString(source("leave-out.txt")) + "without no-such-jar-*.jar **  # gone\n");

    String printed = run(2, bundle(rules, folder.resolve("refused")));

    assertTrue(printed.contains("without no-such-jar-*.jar **"), printed);
    assertTrue(printed.contains("matches nothing any more"), printed);
  }
}
