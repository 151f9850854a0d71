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
 * What it prints passes through to standard error; it ends when this process is interrupted.
 */
final class ChildProcess {
  private static final String MAIN_CLASS = "dev.millrace.jobs.Main";
  private static final String HEAP = "-Xmx512m";
  private static final int COPY_BYTES = 8192;

  private final Console console;

  ChildProcess(Console console) {
    this.console = console;
  }

  /** Converts and returns the exit code. */
  int convert(Path checkpoint, Path workspace) throws IOException {
    Process process =
        new ProcessBuilder(command(checkpoint, workspace))
            .redirectErrorStream(true)
            .redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")))
            .start();
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

  private static List<String> command(Path checkpoint, Path workspace) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add(HEAP);
    command.add("-Dmillrace.terminal=" + System.getProperty("millrace.terminal", "false"));
    command.add("-cp");
    command.add(System.getProperty("java.class.path"));
    command.add(MAIN_CLASS);
    command.add("convert");
    command.add("--checkpoint");
    command.add(checkpoint.toString());
    command.add("--output");
    command.add(workspace.toString());
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
