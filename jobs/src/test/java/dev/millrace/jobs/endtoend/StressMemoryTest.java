package dev.millrace.jobs.endtoend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.converter.Conversion;
import dev.millrace.converter.ConversionSettings;
import dev.millrace.jobs.RepositoryFiles;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code stress-memory} in a JVM of its own: on the CPU the memory that it watches is the whole
 * process's, and in one of other tests their heap and compiled code come and go.
 */
final class StressMemoryTest {
  @TempDir private Path folder;

  @Test
  void smallModelOnTheCpuGivesAllBack() throws Exception {
    Path config = RepositoryFiles.sampleData("models/tiny-qwen2.5/config.json");
    Path workspace = folder.resolve("ws");
    Conversion.ofRandom(1, config, null, null, ConversionSettings.to(workspace));

    JobProcess process =
        JobProcess.millrace(
            folder.resolve("cache"),
            folder.resolve("stress.log"),
            List.of(
                "stress-memory",
                "--workspace",
                workspace.toString(),
                "--rounds",
                "4",
                "--requests",
                "3",
                "--backend",
                "cpu",
                "--tp",
                "2",
                "--kv-cache-gib",
                "0.0625"));

    assertEquals(0, process.await(), process.printed());
    assertTrue(process.printed().contains("round 4, closed"), process.printed());
    assertTrue(process.printed().contains("Sound: drift"), process.printed());
    assertTrue(process.printed().contains("a rank by the engine's books"), process.printed());
  }
}
