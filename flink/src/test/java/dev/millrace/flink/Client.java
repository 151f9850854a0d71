package dev.millrace.flink;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** {@code run-job} in a JVM of its own, as the launcher starts it. */
final class Client {
  private static final long SECONDS_MAX = 600;

  private final Process process;
  private final Path log;

  private Client(Process process, Path log) {
    this.process = process;
    this.log = log;
  }

  /**
   * Starts a job.
   *
   * @param scratch for the converted model and the engines' sockets
   * @param log takes what it prints
   */
  static Client start(Path scratch, Path log, List<String> arguments) throws IOException {
    return start(scratch, Path.of("").toAbsolutePath(), log, arguments);
  }

  /** Starts a job in a working directory. */
  static Client start(Path scratch, Path directory, Path log, List<String> arguments)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--add-opens=java.base/java.nio=ALL-UNNAMED");
    command.add("--add-opens=java.base/java.lang=ALL-UNNAMED");
    command.add("--add-opens=java.base/java.util=ALL-UNNAMED");
    command.add("--add-modules=jdk.incubator.vector");
    command.addAll(List.of("-XX:+UseSerialGC", "-Xmx512m", "-Dmillrace.name=run-job"));
    command.add("-Dmillrace.run.dir=" + scratch.resolve("run"));
    String jar = System.getProperty("millrace.cluster.jar");
    if (jar != null) {
      command.add("-Dmillrace.cluster.jar=" + jar);
    }
    command.addAll(List.of("-cp", classPath(), "dev.millrace.jobs.Main"));
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile());
    builder.environment().put("MILLRACE_CACHE", scratch.resolve("cache").toString());
    builder.redirectErrorStream(true);
    builder.redirectOutput(log.toFile());
    return new Client(builder.start(), log);
  }

  static String classPath() {
    return System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
  }

  /** Runs a job to its end and returns the exit code. */
  static int run(Path scratch, Path log, List<String> arguments)
      throws IOException, InterruptedException {
    return start(scratch, log, arguments).await();
  }

  int await() throws InterruptedException, IOException {
    if (!process.waitFor(SECONDS_MAX, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError("the job did not end within " + SECONDS_MAX + " s:\n" + printed());
    }
    return process.exitValue();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** SIGKILL. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** SIGTERM. */
  void terminate() {
    process.destroy();
  }

  String printed() throws IOException {
    return Files.readString(log);
  }
}
