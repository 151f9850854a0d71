package dev.millrace.jobs;

import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.model.Places;
import dev.millrace.jobs.run.EngineFactories;
import dev.millrace.jobs.run.JobRunner;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Says what a job will take, without running it. */
@Command(
    name = "plan",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false,
    customSynopsis = "millrace plan --input PATH... [--workspace PATH | --model PATH] [OPTIONS]",
    description = {
      "Tokenises every prompt, then says what the job will take: tokens, memory, time.",
      "What is staged stays in the output folder, so that run-job starts from it."
    },
    footerHeading = "%nExample:%n",
    footer = "  millrace plan --input prompts.parquet --workspace ws --tp 2")
final class PlanCommand implements Callable<Integer> {
  private final Console console;
  private final EngineFactories engines;

  @Spec private CommandSpec command;

  @Option(
      names = {"-v", "--verbose"},
      description = "Log more, and show stack traces.")
  private boolean verbose;

  PlanCommand(Console console, EngineFactories engines) {
    this.console = console;
    this.engines = engines;
  }

  @Override
  public Integer call() {
    Logging.setUp(verbose);
    return new JobRunner(console, engines, Places.of(console), "millrace " + Version.text())
        .plan(JobArguments.read(command.commandLine().getParseResult(), console))
        .number();
  }
}
