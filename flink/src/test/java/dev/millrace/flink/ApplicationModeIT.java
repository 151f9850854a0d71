package dev.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code run-job} as a Flink application: within a JobManager that lives for it. */
@Tag("cluster")
@Timeout(900)
final class ApplicationModeIT {
  @TempDir private Path folder;

  @Test
  void theJobManagerRunsTheJobAndEndsWithIt() throws IOException, InterruptedException {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      lines.add("{\"prompt\":\"What is " + i + " plus " + i % 7 + "?\"}");
    }
    Files.write(folder.resolve("rows.jsonl"), lines);
    Path direct = folder.resolve("direct.log"); // makes the workspace, and the rows to compare with
    assertEquals(0, Client.run(folder, direct, job("direct")), () -> read(direct));
    Path log = folder.resolve("application.out");
    try (Cluster cluster = Cluster.start(folder.resolve("cluster"))) {
      cluster.kill("jobmanager"); // the workers take the next one on the same port

      Process application = start(cluster, log);

      assertTrue(application.waitFor(600, TimeUnit.SECONDS), () -> "it goes on: " + log);
      String printed = Files.readString(log);
      assertEquals(0, application.exitValue(), printed);
      assertTrue(printed.contains("100 in = 100 completed + 0 failed"), printed);
    }
    assertArrayEquals(
        Files.readAllBytes(folder.resolve("direct/rows.jsonl")),
        Files.readAllBytes(folder.resolve("out/rows.jsonl")));
  }

  private List<String> job(String output) {
    List<String> arguments = new ArrayList<>();
    arguments.addAll(List.of("--input", folder.resolve("rows.jsonl").toString()));
    arguments.addAll(List.of("--output", folder.resolve(output).toString()));
    arguments.addAll(List.of("--max-tokens", "8", "--batch-size", "16", "--chunk-rows", "25"));
    arguments.addAll(List.of("--kv-cache", "32MiB", "--progress", "none"));
    return arguments;
  }

  private static String read(Path log) {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      return e.toString();
    }
  }

  private Process start(Cluster cluster, Path log) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    for (String opened : List.of("lang", "net", "io", "nio", "util", "time")) {
      command.add("--add-opens=java.base/java." + opened + "=ALL-UNNAMED");
    }
    command.addAll(List.of("-XX:+UseSerialGC", "-Xmx384m"));
    command.add("-Dmillrace.home=" + Cluster.root());
    Path libraries = Path.of(System.getProperty("millrace.flink.folder"), "lib");
    Path tests = Cluster.testsJar(folder);
    command.addAll(List.of("-cp", libraries + "/*:" + tests));
    command.add(ApplicationClusterMain.class.getName());
    command.add(cluster.configuration().toString());
    command.add(Cluster.clusterJar().toString());
    command.addAll(job("out"));
    command.add("--engine-jvm=-Xmx256m");
    command.addAll(List.of("--runner=flink", "--flink-master=application", "--parallelism=2"));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("MILLRACE_CACHE", folder.resolve("cache").toString());
    return builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
  }
}
