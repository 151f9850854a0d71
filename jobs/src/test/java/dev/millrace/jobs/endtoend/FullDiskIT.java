package dev.millrace.jobs.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.jobs.CommandLineRun;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A job on a small file system of its own; needs the right to mount one, else it is skipped. */
class FullDiskIT {
  private static final int ROWS = 300;

  @TempDir private static Path cache;
  @TempDir private Path folder;
  private Path disk;

  @BeforeEach
  void mountASmallDisk() throws Exception {
    disk = Files.createDirectory(folder.resolve("disk"));
    String refused = shell("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk.toString());
    assumeTrue(refused.isEmpty(), "Not run: a small tmpfs cannot be mounted here: " + refused);
  }

  @AfterEach
  void unmount() throws Exception {
    // lazily: files of the job may still be mapped in this JVM
    shell("umount", "-l", disk.toString());
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

  @Test
  void aFullDiskIsToldAsRetryableAndTheJobResumesOnceThereIsRoom() throws Exception {
    List<ObjectNode> rows = new ArrayList<>();
    String ballast = "x".repeat(2000);
    for (int i = 0; i < ROWS; i++) {
      rows.add(JsonRows.row().put("prompt", "What is " + i + " + 1?").put("ballast", ballast));
    }
    Path input = JsonRows.write(folder.resolve("rows.jsonl"), rows);
    String[] job = {
      "--input",
      input.toString(),
      "--output",
      disk.resolve("out").toString(),
      "--max-tokens",
      "4",
      "--chunk-rows",
      "50"
    };

    CommandLineRun full = CommandLineRun.runJob(cache, job);

    assertEquals(75, full.exitCode(), full.all());
    assertTrue(full.err().toLowerCase(java.util.Locale.ROOT).contains("space"), full.err());
    assertTrue(Files.notExists(disk.resolve("out/_SUCCESS")));
    assertEquals("", shell("mount", "-o", "remount,size=64m", disk.toString()));

    CommandLineRun resumed = CommandLineRun.runJob(cache, job);

    assertEquals(0, resumed.exitCode(), resumed.all());
    assertEquals(ROWS, Files.readAllLines(disk.resolve("out/rows.jsonl")).size());
  }
}
