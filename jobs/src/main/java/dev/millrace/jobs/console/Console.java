package dev.millrace.jobs.console;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;

/**
 * Where a command prints and what surrounds it. Results go to {@code out}, everything else
 * (progress, notices, errors) to {@code err}, so that output can be piped.
 *
 * @param out results
 * @param err progress, notices and errors
 * @param environment environment variables
 * @param terminal whether {@code err} is a terminal that a progress bar may redraw
 */
public record Console(
    PrintStream out, PrintStream err, Map<String, String> environment, boolean terminal) {

  /** Set by the launcher, which can ask the shell: Java 17 cannot tell for standard error alone. */
  static final String TERMINAL_PROPERTY = "millrace.terminal";

  public Console {
    Objects.requireNonNull(out, "out");
    Objects.requireNonNull(err, "err");
    environment = Map.copyOf(environment);
  }

  /** The console of this process, in UTF-8 whatever the locale. */
  public static Console ofProcess() {
    return new Console(
        stream(FileDescriptor.out),
        stream(FileDescriptor.err),
        System.getenv(),
        Boolean.getBoolean(TERMINAL_PROPERTY));
  }

  private static PrintStream stream(FileDescriptor descriptor) {
    return new PrintStream(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
  }

  /** An environment variable that is set and not blank, or null. */
  public String variable(String name) {
    String value = environment.get(name);
    return value == null || value.isBlank() ? null : value;
  }

  /** Prints one line for people beside the results. */
  public void notice(String line) {
    err.println(line);
  }
}
