package dev.millrace.jobs;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.jobs.bench.Bench;
import dev.millrace.jobs.bench.BenchEngines;
import dev.millrace.jobs.bench.BenchSettings;
import dev.millrace.jobs.bench.Ceilings;
import dev.millrace.jobs.bench.Workload;
import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.run.EngineFactories;
import dev.millrace.jobs.run.JobComposer;
import dev.millrace.jobs.spec.JobOption;
import dev.millrace.jobs.spec.JobSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Measures an engine on a fixed workload. */
@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false,
    customSynopsis = "millrace bench --workload NAME --workspace PATH [OPTIONS]",
    description = {
      "Runs a fixed workload through the engine and prints one line of JSON: how fast, and why.",
      "Prompts are token ids, answers have exact lengths: any weights will do. Draws are greedy unless options say otherwise."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  millrace bench --workload sharegpt --workspace qwen2.5-7b --repeat 2",
      "  millrace bench --workload 1k1k --workspace qwen2.5-7b --rows 64 --backend cpu",
      "  millrace bench --workload 32x128x512 --workspace qwen2.5-7b --temperature 0.7 --top-k 20"
    })
final class BenchCommand implements Callable<Integer> {
  /** The job's options that set up an engine; they mean here what they mean there. */
  static final List<JobOption> ENGINE_OPTIONS =
      List.of(
          JobOption.WORKSPACE,
          JobOption.TP,
          JobOption.BACKEND,
          JobOption.DEVICES,
          JobOption.GPU_MEMORY,
          JobOption.BATCH_SIZE,
          JobOption.STEP_TOKENS,
          JobOption.KV_CACHE,
          JobOption.KV_CACHE_GIB,
          JobOption.KV_CACHE_TYPE,
          JobOption.MEMORY_FRACTION,
          JobOption.MAX_MODEL_LEN,
          JobOption.PREFIX_CACHING,
          JobOption.BATCH_INVARIANT,
          JobOption.THREADS,
          JobOption.STEP_TIMEOUT);

  /** Those that say how tokens are drawn; what else a job samples by, a workload fixes. */
  static final List<JobOption> SAMPLING_OPTIONS =
      List.of(
          JobOption.TEMPERATURE,
          JobOption.TOP_P,
          JobOption.TOP_K,
          JobOption.MIN_P,
          JobOption.REPETITION_PENALTY,
          JobOption.PRESENCE_PENALTY,
          JobOption.FREQUENCY_PENALTY,
          JobOption.LOGPROBS);

  private final Console console;
  private final EngineFactories factories;
  private final BenchEngines engines;

  @Spec private CommandSpec command;

  @Option(
      names = "--workload",
      required = true,
      paramLabel = "NAME",
      description =
          "sharegpt, 1k1k, 1k1k-256, 2k128 or shared; or rows that are all alike, as 32x128x512: rows x prompt tokens x output tokens. See docs/benchmark-command.md.")
  private String workload;

  @Option(
      names = "--rows",
      paramLabel = "N",
      description = "Only the workload's first rows. Unset: all.")
  private Integer rows;

  @Option(
      names = "--repeat",
      paramLabel = "N",
      description =
          "Run all rows so often; figures are of the last run. Default: ${DEFAULT-VALUE}.")
  private int repeat = 1;

  @Option(
      names = "--profile",
      paramLabel = "N",
      description = "On GPUs: run once more and time about N steps verb by verb.")
  private int profile;

  @Option(
      names = "--peak-bandwidth",
      paramLabel = "X",
      description =
          "Bytes a second that a device's memory gives, as 4.3e12. Unset: measured on GPUs.")
  private double peakBandwidth;

  @Option(
      names = "--peak-flops",
      paramLabel = "X",
      description =
          "Operations a second of its 16-bit products, as 790e12. Unset: measured on GPUs.")
  private double peakFlops;

  @Option(
      names = {"-v", "--verbose"},
      description = "Log more, and show stack traces.")
  private boolean verbose;

  BenchCommand(Console console, EngineFactories factories, BenchEngines engines) {
    this.console = console;
    this.factories = factories;
    this.engines = engines;
  }

  @Override
  public Integer call() throws IOException {
    Logging.setUp(verbose);
    JobSpec spec = JobArguments.read(command.commandLine().getParseResult(), console);
    EngineFactories.Choice choice = factories.choose(engine(spec));
    choice.notice().ifPresent(console::notice);
    String[] version = Version.parts();
    new Bench(console, engines, new Bench.Program(version[0], version[1]))
        .run(settings(spec, choice.settings()));
    return ExitCode.DONE.number();
  }

  private BenchSettings settings(JobSpec spec, EngineSettings engine) {
    Workload all = named();
    try {
      return new BenchSettings(
          rows == null ? all : all.limitedTo(rows),
          workspace(spec, console),
          engine,
          sampling(spec),
          repeat,
          profile,
          ceilings());
    } catch (IllegalArgumentException e) {
      throw new CommandException(ExitCode.USAGE, "--" + e.getMessage(), "Correct the value.", e);
    }
  }

  /**
   * Prompts that share nothing gain nothing from a prefix cache, but for answers of a run before.
   */
  private EngineSettings engine(JobSpec spec) {
    try {
      EngineSettings settings = JobComposer.engine(spec);
      boolean asked = spec.isGiven(JobOption.PREFIX_CACHING);
      return asked ? settings : settings.withPrefixCache(named().sharesPrefixes());
    } catch (IllegalArgumentException e) {
      throw new CommandException(ExitCode.USAGE, e.getMessage(), "Correct the value.", e);
    }
  }

  private static SamplingSettings sampling(JobSpec spec) {
    try {
      return JobComposer.sampling(spec);
    } catch (IllegalArgumentException e) {
      throw new CommandException(ExitCode.USAGE, e.getMessage(), "Correct the value.", e);
    }
  }

  private Workload named() {
    try {
      return Workload.of(workload);
    } catch (IllegalArgumentException e) {
      throw new CommandException(ExitCode.USAGE, "--" + e.getMessage(), "Choose one.", e);
    }
  }

  /** The workspace that an option or the environment names. */
  static Path workspace(JobSpec spec, Console console) {
    String given = spec.text(JobOption.WORKSPACE);
    String path = given == null ? console.variable(JobComposer.WORKSPACE_VARIABLE) : given;
    if (path == null) {
      throw CommandException.usage(
          "Expected a workspace, found none", "Name one: --workspace qwen2.5-7b.");
    }
    return Path.of(path);
  }

  private Optional<Ceilings> ceilings() {
    return peakBandwidth > 0 && peakFlops > 0
        ? Optional.of(Ceilings.given(peakBandwidth, peakFlops))
        : Optional.empty();
  }
}
