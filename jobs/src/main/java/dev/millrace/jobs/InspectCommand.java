package dev.millrace.jobs;

import dev.millrace.api.workspace.Workspace;
import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.progress.Amounts;
import dev.millrace.jobs.progress.ByteProgressPrinter;
import dev.millrace.jobs.report.WorkspaceReport;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows and checks a workspace. */
@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "Shows what a workspace holds; with --verify reads and checks every byte of it.",
    footerHeading = "%nExample:%n",
    footer = "  millrace inspect qwen --verify")
final class InspectCommand implements Callable<Integer> {
  private final Console console;

  @Parameters(paramLabel = "WORKSPACE", description = "Workspace to look at.")
  private Path path;

  @Option(names = "--verify", description = "Read every byte and check every checksum.")
  private boolean verify;

  @Option(
      names = {"-v", "--verbose"},
      description = "Log more, and show stack traces.")
  private boolean verbose;

  InspectCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    Logging.setUp(verbose);
    try (Workspace workspace = Workspace.open(path)) {
      console.out().print(new WorkspaceReport(path, workspace.manifest()).text());
      console.out().flush();
      if (verify) {
        verify(workspace);
      }
    }
    return ExitCode.DONE.number();
  }

  private void verify(Workspace workspace) throws IOException, InterruptedException {
    ByteProgressPrinter printer =
        new ByteProgressPrinter("Verifying:", console.err(), console.terminal(), System::nanoTime);
    long started = System.nanoTime();
    try {
      workspace.verify(Runtime.getRuntime().availableProcessors(), printer);
    } finally {
      printer.finish();
    }
    console.out().println();
    console
        .out()
        .println(
            "Every byte is as written; checked in "
                + Amounts.text((System.nanoTime() - started) / 1e9)
                + ".");
  }
}
