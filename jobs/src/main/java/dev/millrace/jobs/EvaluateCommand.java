package dev.millrace.jobs;

import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.console.Inert;
import dev.millrace.jobs.evaluate.result.EvaluationFolder;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.Verdict;
import dev.millrace.jobs.evaluate.run.NightCheck;
import dev.millrace.jobs.evaluate.run.NightOptions;
import dev.millrace.jobs.evaluate.run.NightReporter;
import dev.millrace.jobs.evaluate.run.NightRun;
import dev.millrace.jobs.evaluate.run.NightText;
import dev.millrace.jobs.evaluate.spec.EvaluationSpec;
import dev.millrace.jobs.evaluate.spec.EvaluationSpecReader;
import dev.millrace.jobs.model.Places;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.run.EngineFactories;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Evaluates models as a spec says, compares with the accepted night, and decides. */
@Command(
    name = "evaluate",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false,
    customSynopsis = "millrace evaluate SPEC [--output FOLDER] [OPTIONS]",
    description = {
      "Evaluates models on the tasks of a spec, compares them row by row with the last accepted run,",
      "and ends with exit code 0 (passed) or 5 (a gate failed). docs/evaluation.md describes specs.",
      "Run the same command again to go on where it was interrupted."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  millrace evaluate nightly.yaml --check",
      "  millrace evaluate nightly.yaml --output evaluation",
      "  millrace baseline accept --output evaluation"
    })
final class EvaluateCommand implements Callable<Integer> {
  private final Console console;
  private final EngineFactories engines;
  private final List<NightReporter> reporters;

  @Parameters(paramLabel = "SPEC", description = "What to evaluate, in YAML.")
  private Path file;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FOLDER",
      description =
          "Folder of all nights of this evaluation. Default: the spec's name with -nights, beside"
              + " it.")
  private Path output;

  @Option(
      names = "--check",
      description = "Validate everything and print rows, tokens, time and memory; compute nothing.")
  private boolean check;

  @Option(
      names = "--no-reuse",
      description = "Compute every answer anew, and compare it with the one that was kept.")
  private boolean noReuse;

  @Option(
      names = "--allow-execution",
      description = "Let metrics run commands on what the model wrote (pass_at_k); off by default.")
  private boolean allowExecution;

  @Option(names = "--new-night", description = "Begin anew even if a night was not finished.")
  private boolean newNight;

  @Option(names = "--keep-work-files", description = "Leave requests and job folders in place.")
  private boolean keepWork;

  @Option(
      names = {"-v", "--verbose"},
      description = "Log more, and show stack traces.")
  private boolean verbose;

  EvaluateCommand(Console console, EngineFactories engines, List<NightReporter> reporters) {
    this.console = console;
    this.engines = engines;
    this.reporters = List.copyOf(reporters);
  }

  @Override
  public Integer call() {
    Logging.setUp(verbose);
    EvaluationSpec spec = EvaluationSpecReader.read(file);
    Path folder = output == null ? beside(file) : output;
    NightOptions options = new NightOptions(folder, !noReuse, allowExecution, newNight, keepWork);
    if (check) {
      return new NightCheck(console, engines, Places.of(console)).check(spec, options).number();
    }
    String program = "millrace " + Version.text();
    NightResult night =
        new NightRun(console, engines, Places.of(console), program, Clock.systemUTC())
            .run(spec, options);
    EvaluationFolder evaluation = EvaluationFolder.at(folder);
    report(evaluation, night);
    console.out().print(new NightText(night).text());
    console.out().println("  night       " + evaluation.night(night.nightId()).path());
    console.out().flush();
    return (night.verdict() == Verdict.FAIL ? ExitCode.GATE_FAILED : ExitCode.DONE).number();
  }

  /** The verdict stands whatever becomes of the reports. */
  private void report(EvaluationFolder evaluation, NightResult night) {
    for (NightReporter reporter : reporters) {
      try {
        reporter.report(evaluation, evaluation.night(night.nightId()), night);
      } catch (IOException | RuntimeException e) {
        console.notice("A report could not be written: " + Inert.line(String.valueOf(e), 500));
      }
    }
  }

  private static Path beside(Path file) {
    String name = file.getFileName().toString().replaceFirst("\\.(ya?ml|json)$", "");
    return file.resolveSibling(name + "-nights");
  }
}
