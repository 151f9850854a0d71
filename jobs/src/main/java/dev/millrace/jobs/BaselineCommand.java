package dev.millrace.jobs;

import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.evaluate.night.NightId;
import dev.millrace.jobs.evaluate.result.EvaluationFolder;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.run.Baselines;
import dev.millrace.jobs.evaluate.run.Baselines.Accepted;
import dev.millrace.jobs.evaluate.run.NightText;
import dev.millrace.jobs.inert.InertText;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Which night later ones are compared with. */
@Command(
    name = "baseline",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "Accepts, shows and lists the nights that later ones are compared with.",
    synopsisSubcommandLabel = "COMMAND",
    footerHeading = "%nExamples:%n",
    footer = {
      "  millrace baseline accept --output evaluation",
      "  millrace baseline accept 2026-11-25 --output evaluation --note 'new tokenizer'",
      "  millrace baseline list --output evaluation"
    })
final class BaselineCommand implements Runnable {
  private final Console console;

  @Spec private CommandSpec spec;

  BaselineCommand(Console console) {
    this.console = console;
  }

  @Override
  public void run() {
    CommandLine commandLine = spec.commandLine();
    throw new ParameterException(commandLine, "expected accept, show or list, found none");
  }

  @Command(
      name = "accept",
      mixinStandardHelpOptions = true,
      description = "Makes a finished night the one to compare with.")
  int accept(
      @Parameters(
              arity = "0..1",
              paramLabel = "NIGHT",
              description = "Its id. Default: the newest finished one.")
          String nightId,
      @Option(
              names = {"-o", "--output"},
              required = true,
              paramLabel = "FOLDER",
              description = "Folder of all nights.")
          Path output,
      @Option(names = "--note", defaultValue = "", description = "Why, for those who ask later.")
          String note)
      throws IOException {
    EvaluationFolder folder = EvaluationFolder.at(output);
    NightFolder night =
        nightId == null
            ? folder.newestFinished().orElseThrow(() -> none("a finished night", output))
            : named(folder, nightId);
    Accepted accepted = new Baselines(folder).accept(night, Clock.systemUTC().instant(), note);
    console
        .out()
        .println(
            InertText.block(
                "Accepted the night "
                    + accepted.night().nightId()
                    + ": later nights are compared with it."));
    return ExitCode.DONE.number();
  }

  private static NightFolder named(EvaluationFolder folder, String nightId) {
    if (NightId.parse(nightId).isEmpty() || !folder.night(nightId).isFinished()) {
      throw none("a finished night '" + InertText.line(nightId, 40) + "'", folder.path());
    }
    return folder.night(nightId);
  }

  @Command(
      name = "show",
      mixinStandardHelpOptions = true,
      description = "Shows the night that counts.")
  int show(
      @Option(
              names = {"-o", "--output"},
              required = true,
              paramLabel = "FOLDER",
              description = "Folder of all nights.")
          Path output)
      throws IOException {
    Accepted accepted =
        new Baselines(EvaluationFolder.at(output))
            .current()
            .orElseThrow(() -> none("an accepted night", output));
    console.out().println(line(accepted));
    console.out().println();
    console.out().print(new NightText(accepted.night()).text());
    console.out().flush();
    return ExitCode.DONE.number();
  }

  @Command(
      name = "list",
      mixinStandardHelpOptions = true,
      description = "Lists all accepted nights, the newest first.")
  int list(
      @Option(
              names = {"-o", "--output"},
              required = true,
              paramLabel = "FOLDER",
              description = "Folder of all nights.")
          Path output)
      throws IOException {
    for (Accepted accepted : new Baselines(EvaluationFolder.at(output)).all()) {
      console.out().println(line(accepted));
    }
    console.out().flush();
    return ExitCode.DONE.number();
  }

  private static String line(Accepted accepted) {
    return InertText.line(
        (accepted.current() ? "* " : "  ")
            + accepted.night().nightId()
            + "  accepted "
            + accepted.accepted()
            + (accepted.note().isEmpty() ? "" : "  " + accepted.note()),
        500);
  }

  private static CommandException none(String expected, Path output) {
    return CommandException.usage(
        "Expected " + expected + ", found none (output=" + output + ")",
        "'millrace evaluate SPEC --output " + output + "' makes one.");
  }
}
