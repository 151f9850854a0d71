package dev.millrace.jobs;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The root command: only holds the others. */
@Command(
    name = Commands.MILLRACE,
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    description = "Runs a language model over every row of a dataset, offline, from the JVM.",
    synopsisSubcommandLabel = "COMMAND",
    footerHeading = "%nExamples:%n",
    footer = {
      "  millrace convert --checkpoint Qwen2.5-0.5B-Instruct --output qwen",
      "  millrace run-job --input prompts.parquet --workspace qwen --tp 2",
      "  millrace plan --input prompts.parquet --workspace qwen",
      "  source <(millrace generate-completion)"
    })
final class MillraceCommand implements Runnable {
  @Spec private CommandSpec spec;

  @Override
  public void run() {
    CommandLine commandLine = spec.commandLine();
    throw new ParameterException(commandLine, "expected a command, found none");
  }
}
