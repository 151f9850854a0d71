package dev.millrace.jobs;

import dev.millrace.jobs.console.Console;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * One command line, run in this JVM.
 *
 * @param exitCode what it ended with
 * @param out what it printed to standard output
 * @param err what it printed to standard error
 */
public record CommandLineRun(int exitCode, String out, String err) {

  /** Runs {@code millrace} with a cache of its own. */
  public static CommandLineRun millrace(Path cache, String... arguments) {
    return run(Commands.MILLRACE, Map.of("MILLRACE_CACHE", cache.toString()), arguments);
  }

  /** Runs {@code run-job} with a cache of its own. */
  public static CommandLineRun runJob(Path cache, String... arguments) {
    return run(Commands.RUN_JOB, Map.of("MILLRACE_CACHE", cache.toString()), arguments);
  }

  public static CommandLineRun run(
      String name, Map<String, String> environment, String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    try (PrintStream outStream = new PrintStream(out, true, StandardCharsets.UTF_8);
        PrintStream errStream = new PrintStream(err, true, StandardCharsets.UTF_8)) {
      Console console = new Console(outStream, errStream, new HashMap<>(environment), false);
      int exitCode = new Commands(console, new LocalEngines()).run(name, arguments);
      outStream.flush();
      errStream.flush();
      return new CommandLineRun(
          exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }
  }

  /** Everything it printed, for messages of failed assertions. */
  public String all() {
    return "exit code " + exitCode + "\n--- out\n" + out + "--- err\n" + err;
  }
}
