package dev.millrace.jobs.run;

import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.MemoryProbe;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.cuda.CudaExecutors;
import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.memory.MemoryPlot;
import dev.millrace.jobs.memory.MemoryRecord;
import dev.millrace.jobs.memory.MemoryWatch;
import dev.millrace.jobs.model.ModelStore;
import dev.millrace.jobs.model.Places;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.outcome.Failures;
import dev.millrace.jobs.progress.ProgressPrinter;
import dev.millrace.jobs.report.EndReport;
import dev.millrace.jobs.report.JsonReport;
import dev.millrace.jobs.report.MemoryForecast;
import dev.millrace.jobs.report.PlanReport;
import dev.millrace.jobs.report.TimeForecast;
import dev.millrace.jobs.spec.JobOption;
import dev.millrace.jobs.spec.JobSpec;
import dev.millrace.pipeline.BatchJob;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.JobListener;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.StagePlan;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.Collection;
import java.util.Optional;
import java.util.function.Function;

/** Runs or plans the job that a spec asks for. */
public final class JobRunner {
  private static final int COLUMNS_DEFAULT = 80;
  private static final Duration MEMORY_SAMPLES = Duration.ofSeconds(1);

  private final Console console;
  private final EngineFactories engines;
  private final Places places;
  private final ModelStore models;
  private final String program;

  /**
   * A runner.
   *
   * @param engines makes the engine of a workspace
   * @param program name and version, for the report
   */
  public JobRunner(Console console, EngineFactories engines, Places places, String program) {
    this.console = console;
    this.engines = engines;
    this.places = places;
    this.models = new ModelStore(places, console);
    this.program = program;
  }

  /** Runs the job to its end and reports on standard output and in the output folder. */
  public ExitCode run(JobSpec spec) {
    ComposedJob composed = compose(spec);
    Path workspace = models.workspace(composed.model());
    WorkspaceManifest manifest = checkedManifest(workspace, composed.engine().ranks());
    checkTokens(composed.job().sampling(), manifest);
    EngineFactory factory = composed.placement().place(factory(workspace, composed));
    FlinkLibraries libraries = new FlinkLibraries();
    ProgressPrinter progress = progress(composed);
    JobReport report;
    MemoryRecord memory;
    try (MemoryWatch watch =
        new MemoryWatch(
            composed.placement().isElsewhere()
                ? MemoryProbe.NONE
                : engines.probe(composed.engine()),
            progress,
            MEMORY_SAMPLES,
            System::nanoTime)) {
      report =
          watched(
              composed,
              factory,
              progress,
              watch,
              job -> composed.placement().place(job, libraries).run());
      memory = watch.record();
    }
    ExitCode exitCode = Failures.exitCode(report.exitCode());
    if (report.engine() != null || !JsonReport.isIn(composed.job().output().path())) {
      // a run that found everything done keeps the report of the run that did it
      writeReport(
          new JsonReport(report, exitCode, workspace.toString(), program).withMemory(memory),
          MemoryPlot.of(memory, report.engine()),
          composed);
    }
    console
        .out()
        .print(new EndReport(report, exitCode, workspace.toString()).withMemory(memory).text());
    console.out().flush();
    recordRate(rates(manifest, composed), report);
    return exitCode;
  }

  /** Stages the job and prints what the rest of it will take. */
  public ExitCode plan(JobSpec spec) {
    ComposedJob composed = compose(spec);
    Path workspace = models.workspace(composed.model());
    WorkspaceManifest manifest = checkedManifest(workspace, composed.engine().ranks());
    checkTokens(composed.job().sampling(), manifest);
    EngineFactory factory = factory(workspace, composed);
    ProgressPrinter progress = progress(composed);
    StagePlan staged = watched(composed, factory, progress, progress, BatchJob::stage);
    MemoryPlan memory = new MemoryPlan(engines, workspace, composed.engine(), manifest);
    MemoryForecast chosen = memory.chosen();
    Optional<TimeForecast> time = Optional.empty();
    if (chosen.fits() && staged.requests() > 0) {
      time = expectedTime(composed, manifest, factory, staged);
    }
    boolean onGpus = composed.engine().backend().equals(CudaExecutors.FAMILY);
    console.out().print(new PlanReport(staged, chosen, memory.others(), time, onGpus).text());
    console.out().flush();
    return chosen.fits() ? ExitCode.DONE : ExitCode.DOES_NOT_FIT;
  }

  private Optional<TimeForecast> expectedTime(
      ComposedJob composed, WorkspaceManifest manifest, EngineFactory factory, StagePlan staged) {
    try {
      Optional<TimeForecast> recorded = rates(manifest, composed).expect(staged);
      if (recorded.isPresent()) {
        return recorded;
      }
    } catch (IOException e) {
      console.notice("The rates of earlier runs cannot be read (" + e + "); measuring anew.");
    }
    console.notice("This model has not run here before: measuring its speed for a few seconds.");
    try {
      return Optional.of(new Calibration(factory, System::nanoTime).measure(staged));
    } catch (EngineException e) {
      console.notice("Its speed cannot be measured here: " + e.getMessage() + ".");
      return Optional.empty();
    }
  }

  private RateBook rates(WorkspaceManifest manifest, ComposedJob composed) {
    return new RateBook(
        places.cache().resolve("rates"),
        manifest.modelFingerprint(),
        composed.engine(),
        Clock.systemUTC());
  }

  private void recordRate(RateBook rates, JobReport report) {
    try {
      rates.record(report);
    } catch (IOException e) {
      console.notice("The measured rate could not be kept for later plans: " + e);
    }
  }

  private static void writeReport(
      JsonReport report, Optional<MemoryPlot> plot, ComposedJob composed) {
    Path folder = composed.job().output().path();
    try {
      report.writeTo(folder);
      if (plot.isPresent()) {
        plot.get().writeTo(folder);
      }
    } catch (IOException e) {
      throw new CommandException(
          ExitCode.RETRYABLE,
          "All rows are done, but the report could not be written to " + folder + ": " + e,
          "Run the same command again; it computes nothing anew.",
          e);
    }
  }

  private static WorkspaceManifest checkedManifest(Path workspace, int ranks) {
    try (Workspace opened = Workspace.open(workspace)) {
      opened.manifest().requireRanks(ranks);
      return opened.manifest();
    } catch (IllegalArgumentException e) {
      throw new CommandException(
          ExitCode.USAGE,
          e.getMessage().replaceFirst("^ranks: ", "--tp: ") + " (workspace=" + workspace + ")",
          "",
          e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Else each row would fail by itself, and only once a model is loaded. */
  private static void checkTokens(SamplingSettings sampling, WorkspaceManifest manifest) {
    checkTokens(JobOption.LOGIT_BIAS, sampling.logitBias().keySet(), manifest);
    checkTokens(JobOption.STOP_TOKEN_IDS, sampling.stopTokenIds(), manifest);
  }

  private static void checkTokens(
      JobOption option, Collection<Integer> tokenIds, WorkspaceManifest manifest) {
    int vocabulary = manifest.shape().vocabularySize();
    for (int tokenId : tokenIds) {
      if (tokenId < 0 || tokenId >= vocabulary) {
        throw CommandException.usage(
            option.flag()
                + ": expected token ids from 0 to "
                + (vocabulary - 1)
                + ", those of the model, found "
                + tokenId,
            "Correct it; ids differ between models.");
      }
    }
  }

  private EngineFactory factory(Path workspace, ComposedJob composed) {
    return engines.of(workspace, composed.engine(), composed.text());
  }

  private ComposedJob compose(JobSpec spec) {
    ComposedJob composed = new JobComposer(console).compose(spec);
    composed.notices().forEach(console::notice);
    EngineFactories.Choice choice =
        composed.placement().isElsewhere()
            ? engines.chooseForOthers(composed.engine())
            : engines.choose(composed.engine());
    choice.notice().ifPresent(console::notice);
    return composed.withEngine(choice.settings());
  }

  private <T> T watched(
      ComposedJob composed,
      EngineFactory factory,
      ProgressPrinter progress,
      JobListener listener,
      Function<BatchJob, T> action) {
    CancelToken cancel = new CancelToken();
    Interruption interruption = Interruption.watch(cancel, console.err());
    try {
      return action.apply(
          BatchJob.of(composed.job(), factory).withListener(listener).withCancelToken(cancel));
    } finally {
      progress.clear();
      interruption.close();
    }
  }

  private ProgressPrinter progress(ComposedJob composed) {
    int columns =
        Optional.ofNullable(console.variable("COLUMNS"))
            .filter(text -> text.matches("[0-9]{2,4}"))
            .map(Integer::parseInt)
            .orElse(COLUMNS_DEFAULT);
    return new ProgressPrinter(composed.progress(), console.err(), columns, System::nanoTime);
  }
}
