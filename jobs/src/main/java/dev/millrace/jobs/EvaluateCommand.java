package dev.millrace.jobs;

import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.evaluate.night.Night;
import dev.millrace.jobs.evaluate.night.NightBody;
import dev.millrace.jobs.evaluate.night.NightSettings;
import dev.millrace.jobs.evaluate.night.NightVerdict;
import dev.millrace.jobs.evaluate.night.Nights;
import dev.millrace.jobs.evaluate.night.UnattendedOptions;
import dev.millrace.jobs.evaluate.report.EvaluationReport;
import dev.millrace.jobs.evaluate.result.EvaluationFolder;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.run.NightCheck;
import dev.millrace.jobs.evaluate.run.NightOptions;
import dev.millrace.jobs.evaluate.run.NightRun;
import dev.millrace.jobs.evaluate.run.NightText;
import dev.millrace.jobs.evaluate.spec.EvaluationSpec;
import dev.millrace.jobs.evaluate.spec.EvaluationSpecReader;
import dev.millrace.jobs.model.Places;
import dev.millrace.jobs.run.EngineFactories;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
      "Evaluates models as a spec says, and compares them with the last accepted run.",
      "The comparison is row by row; the exit code is 0 (passed) or 5 (a gate failed).",
      "docs/evaluation.md describes specs.",
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
      names = "--due",
      paramLabel = "TIME",
      description =
          "Run the night that is due by this schedule ('02:00', 'mon-fri 02:00 Europe/Berlin'), or"
              + " do nothing if it has ended. What 'millrace schedule' writes.")
  private String due;

  @Option(
      names = "--night",
      paramLabel = "NAME",
      description = "Run, continue or tell the verdict of the night of this name: 2026-11-25.")
  private String named;

  @Mixin private UnattendedOptions unattended;

  @Option(
      names = {"-v", "--verbose"},
      description = "Log more, and show stack traces.")
  private boolean verbose;

  EvaluateCommand(Console console, EngineFactories engines) {
    this.console = console;
    this.engines = engines;
  }

  @Override
  public Integer call() {
    Logging.setUp(verbose);
    Path folder = output == null ? beside(file) : output;
    NightOptions options = new NightOptions(folder, !noReuse, allowExecution, keepWork);
    if (check) {
      EvaluationSpec spec = EvaluationSpecReader.read(file);
      return new NightCheck(console, engines, Places.of(console)).check(spec, options).number();
    }
    NightSettings settings = unattended.settings(console, due, named, newNight);
    return new Nights(console, settings).run(folder, file, new Body(options)).number();
  }

  /** The evaluation inside a night. */
  private final class Body implements NightBody {
    private final NightOptions options;

    Body(NightOptions options) {
      this.options = options;
    }

    @Override
    public NightVerdict decide(Night night) {
      EvaluationSpec spec = EvaluationSpecReader.read(file);
      String program = "millrace " + Version.text();
      NightResult result =
          new NightRun(console, engines, Places.of(console), program, Clock.systemUTC())
              .run(spec, options, night);
      console.out().print(new NightText(result).text());
      return NightVerdict.of(result);
    }

    @Override
    public void report(Night night, NightVerdict verdict) throws IOException {
      NightFolder folder = NightFolder.at(night.folder());
      if (folder.isFinished()) {
        EvaluationReport.write(EvaluationFolder.at(options.output()), folder);
        console.out().println("  report      " + folder.path().resolve(EvaluationReport.PAGE));
      }
      console.out().flush();
    }
  }

  private static Path beside(Path file) {
    String name = file.getFileName().toString().replaceFirst("\\.(ya?ml|json)$", "");
    return file.resolveSibling(name + "-nights");
  }
}
