package dev.millrace.jobs.model;

import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs {@code millrace convert} in a JVM of its own, with the little heap that conversion needs.
 * What it prints passes through to standard error; it ends when this process is interrupted, and
 * with it however this process ends: a second one would convert beside it otherwise.
 */
final class ChildProcess {
  private static final String MAIN_CLASS = "dev.millrace.jobs.Main";
  private static final String HEAP = "-Xmx512m";
  private static final int COPY_BYTES = 8192;

  private final Console console;

  ChildProcess(Console console) {
    this.console = console;
  }

  /** Converts with these options and returns the exit code. */
  int convert(String... options) throws IOException {
    // nothing is written to its standard input: the end of it is how it learns that this one died
    Process process = new ProcessBuilder(command(options)).redirectErrorStream(true).start();
    Thread killer = new Thread(process::destroy, "conversion-end");
    Runtime.getRuntime().addShutdownHook(killer);
    try {
      copy(process.getInputStream());
      return process.waitFor();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandException(
          ExitCode.INTERRUPTED, "Interrupted while converting", "Run the same command again.", e);
    } finally {
      process.destroy();
      removeHook(killer);
    }
  }

  private static List<String> command(String... options) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add(HEAP);
    command.add("-Dmillrace.terminal=" + System.getProperty("millrace.terminal", "false"));
    command.add("-Dmillrace.lifeline=true");
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(MAIN_CLASS);
    command.add("convert");
    command.addAll(List.of(options));
    return command;
  }

  private void copy(InputStream from) throws IOException {
    byte[] buffer = new byte[COPY_BYTES];
    for (int read = from.read(buffer); read >= 0; read = from.read(buffer)) {
      console.err().write(buffer, 0, read);
      console.err().flush();
    }
  }

  private static void removeHook(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // a shutdown is under way: the hook has run or will
      Thread.onSpinWait();
    }
  }
}
