package dev.millrace.jobs;

import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.IOException;
import java.io.OutputStream;

/** The program: parses a command line, runs it, exits with its code. */
public final class Main {
  private Main() {}

  /** Named by the launcher; {@code run-job} is that subcommand under its own name. */
  private static final String NAME_PROPERTY = "millrace.name";

  /** Set by a process that starts this one to work for it, and holds its standard input open. */
  private static final String LIFELINE_PROPERTY = "millrace.lifeline";

  /** Runs one command and exits with a code of {@link dev.millrace.jobs.outcome.ExitCode}. */
  public static void main(String[] arguments) {
    if (Boolean.getBoolean(LIFELINE_PROPERTY)) {
      Thread watch = new Thread(Main::endWithStarter, "lifeline");
      watch.setDaemon(true);
      watch.start();
    }
    String name = System.getProperty(NAME_PROPERTY, Commands.MILLRACE);
    System.exit(new Commands(Console.ofProcess(), new LocalEngines()).run(name, arguments));
  }

  /** A process that is killed cannot end those it started. */
  private static void endWithStarter() {
    try {
      System.in.transferTo(OutputStream.nullOutputStream());
    } catch (IOException e) {
      // that is its end, too
    } finally {
      System.exit(ExitCode.INTERRUPTED.number()); // which clears up first
    }
  }
}
