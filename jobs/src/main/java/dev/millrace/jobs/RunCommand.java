package dev.millrace.jobs;

import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.model.Places;
import dev.millrace.jobs.run.EngineFactories;
import dev.millrace.jobs.run.JobRunner;
import dev.millrace.jobs.spec.JobSpec;
import dev.millrace.jobs.spec.SpecWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Runs a model over every row of the input:
 *
 * <pre>run-job --input prompts.parquet --workspace ws --tp 2</pre>
 */
@Command(
    name = Commands.RUN_JOB,
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false,
    customSynopsis = {
      "run-job --input PATH... [--workspace PATH | --model PATH] [--output PATH] [OPTIONS]",
      "run-job --spec FILE [--set KEY=VALUE]... [OPTIONS]"
    },
    description = {
      "Answers every row of the input with a language model.",
      "Run the same command again to go on where it was interrupted: finished rows are kept."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  run-job --input prompts.parquet --tp 4",
      "  run-job --input 'data/*.jsonl' --workspace ws --output answers --max-tokens 64",
      "  run-job --model Qwen2.5-0.5B-Instruct --input prompts.parquet --temperature 0.7 --n 4",
      "  run-job --spec job.yaml --set sampling.max_tokens=32 --dry-run"
    })
final class RunCommand implements Callable<Integer> {
  private final Console console;
  private final EngineFactories engines;

  @Spec private CommandSpec command;

  @Option(
      names = "--dry-run",
      description =
          "Stop once every prompt is tokenised, and print the plan (see 'millrace plan').")
  private boolean dryRun;

  @Option(
      names = "--print-spec",
      description = "Print the job spec that these options amount to, and stop.")
  private boolean printSpec;

  @Option(
      names = {"-v", "--verbose"},
      description = "Log more, and show stack traces.")
  private boolean verbose;

  RunCommand(Console console, EngineFactories engines) {
    this.console = console;
    this.engines = engines;
  }

  @Override
  public Integer call() {
    Logging.setUp(verbose);
    JobSpec spec = JobArguments.read(command.commandLine().getParseResult(), console);
    if (printSpec) {
      console.out().print(SpecWriter.write(spec));
      return 0;
    }
    JobRunner runner =
        new JobRunner(console, engines, Places.of(console), "millrace " + Version.text());
    return (dryRun ? runner.plan(spec) : runner.run(spec)).number();
  }
}
