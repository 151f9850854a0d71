package dev.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The sample model on a cluster within the client's process. */
final class EmbeddedClusterTest {
  @TempDir private Path folder;

  private Path rows(int count) throws IOException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      lines.add("{\"n\":" + i + ",\"prompt\":\"What is " + i + " plus " + i % 7 + "?\"}");
    }
    return Files.write(folder.resolve("rows.jsonl"), lines);
  }

  private String run(String output, String... more) throws IOException, InterruptedException {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "--input",
                folder.resolve("rows.jsonl").toString(),
                "--output",
                folder.resolve(output).toString(),
                "--max-tokens",
                "12",
                "--batch-size",
                "16",
                "--chunk-rows",
                "40",
                "--kv-cache",
                "32MiB",
                "--progress",
                "none"));
    arguments.addAll(List.of(more));
    Client client = Client.start(folder, folder.resolve(output + ".log"), arguments);

    int exitCode = client.await();

    assertEquals(0, exitCode, client.printed());
    return client.printed();
  }

  @Test
  void rowsAreThoseOfTheDirectRunnerToTheByte() throws IOException, InterruptedException {
    rows(120);
    run("direct");
    run("process", "--engine-host", "process", "--engine-jvm=-Xmx256m");

    String printed =
        run(
            "flink",
            "--runner=flink",
            "--flink-master=local",
            "--parallelism=2",
            "--engine-jvm=-Xmx256m");

    byte[] expected = Files.readAllBytes(folder.resolve("direct/rows.jsonl"));
    assertArrayEquals(expected, Files.readAllBytes(folder.resolve("process/rows.jsonl")));
    assertArrayEquals(expected, Files.readAllBytes(folder.resolve("flink/rows.jsonl")));
    assertTrue(printed.contains("120 in = 120 completed + 0 failed"), printed);
  }
}
