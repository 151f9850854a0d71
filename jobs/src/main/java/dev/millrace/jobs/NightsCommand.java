package dev.millrace.jobs;

import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.evaluate.night.NightList;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Lists the nights of an evaluation, those included that were due and never began. */
@Command(
    name = "nights",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false,
    description =
        "Lists the nights of an evaluation and their verdicts, and those that were missed.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  millrace nights --output nightly-nights",
      "  millrace nights --output nightly-nights --json --limit 1"
    })
final class NightsCommand implements Callable<Integer> {
  private final Console console;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FOLDER",
      required = true,
      description = "Folder of all nights, as given to evaluate.")
  private Path output;

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "30",
      description = "Most nights to list. Default: ${DEFAULT-VALUE}.")
  private int limit;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Option(
      names = {"-v", "--verbose"},
      description = "Show stack traces.")
  private boolean verbose;

  NightsCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws IOException {
    Logging.setUp(verbose);
    if (!Files.isDirectory(output)) {
      throw CommandException.usage(
          "Expected a folder of nights, found none at " + output,
          "Give the folder that evaluate and schedule were given with --output.");
    }
    NightList nights = NightList.read(output, Clock.systemUTC());
    int most = Math.max(0, limit);
    console.out().print(json ? nights.json(most) : nights.text(most));
    return ExitCode.DONE.number();
  }
}
