package dev.millrace.jobs;

import dev.millrace.jobs.console.Console;

/** The program: parses a command line, runs it, exits with its code. */
public final class Main {
  private Main() {}

  /** Named by the launcher; {@code run-job} is that subcommand under its own name. */
  private static final String NAME_PROPERTY = "millrace.name";

  /** Runs one command and exits with a code of {@link dev.millrace.jobs.outcome.ExitCode}. */
  public static void main(String[] arguments) {
    String name = System.getProperty(NAME_PROPERTY, Commands.MILLRACE);
    System.exit(new Commands(Console.ofProcess(), new LocalEngines()).run(name, arguments));
  }
}
