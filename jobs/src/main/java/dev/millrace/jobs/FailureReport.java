package dev.millrace.jobs;

import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.outcome.Failures;
import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.ParseResult;

/**
 * Tells a person why a command ended early: what, and what to do; the stack trace only if asked.
 */
final class FailureReport {
  private final Console console;

  FailureReport(Console console) {
    this.console = console;
  }

  int print(Exception failure, CommandLine command, ParseResult parsed) {
    CommandException told = Failures.explain(failure);
    String name = command.getCommandSpec().qualifiedName();
    print(command.getErr(), name, told.getMessage(), told.remedy());
    if (Commands.isVerbose(parsed)) {
      failure.printStackTrace(console.err());
    } else if (told.exitCode() == ExitCode.INTERNAL) {
      command.getErr().println("  The stack trace is shown with --verbose.");
    }
    return told.exitCode().number();
  }

  static void print(PrintWriter err, String name, String message, String remedy) {
    err.println(name + ": error: " + message);
    if (!remedy.isEmpty()) {
      err.println("  " + remedy);
    }
  }
}
