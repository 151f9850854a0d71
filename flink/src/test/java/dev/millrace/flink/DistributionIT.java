package dev.millrace.flink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

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

/** What a user unpacks holds all that a cluster and a job on it need. */
@Tag("cluster")
@Timeout(900)
final class DistributionIT {
  private static final int SECONDS_MAX = 400;

  @TempDir private Path folder;

  @Test
  void anUnpackedDistributionStartsAClusterAndSubmitsToIt()
      throws IOException, InterruptedException {
    run("tar", "xzf", System.getProperty("millrace.flink.distribution"), "-C", folder.toString());
    Path home = folder.resolve("millrace-0.1.0");
    List<String> job = new ArrayList<>();
    job.add(home.resolve("bin/run-job").toString());
    job.addAll(List.of("--input", home.resolve("sample-data/prompts.parquet").toString()));
    job.addAll(List.of("--limit", "60", "--max-tokens", "8", "--kv-cache", "32MiB"));
    job.addAll(List.of("--backend", "cpu", "--progress", "none"));

    String port = Integer.toString(Cluster.freePort());
    Path local = home.resolve("deploy/local-cluster");
    byte[] direct = answers("direct", job);
    byte[] there;
    String cluster = folder.resolve("cluster").toString();
    run(local.toString(), "up", "--workers", "1", "--port", port, "--folder", cluster);
    try {
      List<String> submitted = new ArrayList<>(job);
      submitted.addAll(List.of("--runner=flink", "--flink-master=127.0.0.1:" + port));
      submitted.addAll(List.of("--engine-jvm=-Xmx256m", "--engine-linger", "0"));
      there = answers("there", submitted);
    } finally {
      run(local.toString(), "down", "--folder", cluster);
    }

    assertArrayEquals(direct, there);
  }

  private byte[] answers(String output, List<String> job) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(job);
    Path answers = folder.resolve(output);
    command.addAll(List.of("--output", answers.toString()));
    run(command.toArray(String[]::new));
    return Files.readAllBytes(answers.resolve("prompts.parquet"));
  }

  /** As a user does: with nothing of the build's in the environment. */
  private void run(String... command) throws IOException, InterruptedException {
    Path log = folder.resolve("printed.log");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().remove("MILLRACE_FLINK");
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().put("MILLRACE_CACHE", folder.resolve("cache").toString());
    builder.environment().put("MILLRACE_RUN_DIR", folder.resolve("run").toString());
    Process process = builder.start();
    if (!process.waitFor(SECONDS_MAX, TimeUnit.SECONDS)) {
      process.destroyForcibly().waitFor();
      throw new AssertionError("did not end: " + Files.readString(log));
    }
    assertEquals(0, process.exitValue(), String.join(" ", command) + ": " + Files.readString(log));
  }
}
