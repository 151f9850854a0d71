package dev.millrace.jobs;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** A small file system of a test's own; mounting one is a right that not every user has. */
public final class SmallDisk {
  private final Path path;

  private SmallDisk(Path path) {
    this.path = path;
  }

  /**
   * Mounts one, or skips the calling test and says why.
   *
   * @param size as {@code mount} reads it: 256k
   */
  public static SmallDisk mount(Path folder, String size) throws Exception {
    Path path = Files.createDirectory(folder.resolve("disk"));
    String refused = shell("mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", path.toString());
    assumeTrue(refused.isEmpty(), "Not run: a small tmpfs cannot be mounted here: " + refused);
    return new SmallDisk(path);
  }

  public Path path() {
    return path;
  }

  public void resize(String size) throws Exception {
    assertEquals("", shell("mount", "-o", "remount,size=" + size, path.toString()));
  }

  public void unmount() throws Exception {
    // lazily: files of a job may still be mapped in this JVM
    shell("umount", "-l", path.toString());
  }

  /** Runs a command; returns what it printed if it failed, else nothing. */
  private static String shell(String... command) throws IOException, InterruptedException {
    Process process;
    try {
      process = new ProcessBuilder(command).redirectErrorStream(true).start();
    } catch (IOException e) {
      return e.getMessage();
    }
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return process.waitFor() == 0 ? "" : printed.isBlank() ? "refused" : printed.strip();
  }
}
