package dev.millrace.jobs.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.millrace.jobs.CommandLineRun;
import dev.millrace.jobs.SmallDisk;
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
  private SmallDisk small;
  private Path disk;

  @BeforeEach
  void mountASmallDisk() throws Exception {
    small = SmallDisk.mount(folder, "256k");
    disk = small.path();
  }

  @AfterEach
  void unmount() throws Exception {
    if (small != null) {
      small.unmount();
    }
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
    small.resize("64m");

    CommandLineRun resumed = CommandLineRun.runJob(cache, job);

    assertEquals(0, resumed.exitCode(), resumed.all());
    assertEquals(ROWS, Files.readAllLines(disk.resolve("out/rows.jsonl")).size());
  }
}
