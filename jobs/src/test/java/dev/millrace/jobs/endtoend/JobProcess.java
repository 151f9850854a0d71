package dev.millrace.jobs.endtoend;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** {@code run-job} or {@code millrace} in a JVM of its own, so that it can be killed. */
final class JobProcess {
  /** Longest that any job of these tests may take on a busy machine of two cores. */
  private static final long SECONDS_MAX = 300;

  private final Process process;
  private final Path log;

  private JobProcess(Process process, Path log) {
    this.process = process;
    this.log = log;
  }

  /** Starts a job; what it prints goes to a file. */
  static JobProcess start(Path cache, Path log, List<String> arguments) throws IOException {
    return start("run-job", cache, log, arguments);
  }

  /** Starts {@code millrace}; what it prints goes to a file. */
  static JobProcess millrace(Path cache, Path log, List<String> arguments) throws IOException {
    return start("millrace", cache, log, arguments);
  }

  private static JobProcess start(String name, Path cache, Path log, List<String> arguments)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--add-opens=java.base/java.nio=ALL-UNNAMED");
    if (ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()) {
      command.add("--add-modules=jdk.incubator.vector");
    }
    // No -XX:TieredStopAtLevel=1: vectors that C2 does not compile live on the heap, 100 times
    // slower.
    command.addAll(List.of("-XX:+UseSerialGC", "-Xmx1g"));
    command.addAll(
        List.of("-Dmillrace.name=" + name, "-cp", System.getProperty("java.class.path")));
    command.add("dev.millrace.jobs.Main");
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("MILLRACE_CACHE", cache.toString());
    builder.redirectErrorStream(true);
    builder.redirectOutput(log.toFile());
    return new JobProcess(builder.start(), log);
  }

  /** Waits for the end and returns the exit code. */
  int await() throws InterruptedException, IOException {
    if (!process.waitFor(SECONDS_MAX, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError("The job did not end within " + SECONDS_MAX + " s:\n" + printed());
    }
    return process.exitValue();
  }

  /** Whether it ended by itself within this time. */
  boolean endsWithin(long millis) throws InterruptedException {
    return process.waitFor(millis, TimeUnit.MILLISECONDS);
  }

  /** SIGKILL: no hook, no flush, no farewell. */
  void kill() throws InterruptedException {
    process.destroyForcibly();
    process.waitFor();
  }

  /** SIGTERM, as a scheduler sends it. */
  void terminate() {
    process.destroy();
  }

  /** Sends a signal by its name. */
  void signal(String name) throws IOException, InterruptedException {
    new ProcessBuilder("sh", "-c", "kill -" + name + " " + process.pid())
        .inheritIO()
        .start()
        .waitFor();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  String printed() throws IOException {
    return Files.readString(log);
  }
}
