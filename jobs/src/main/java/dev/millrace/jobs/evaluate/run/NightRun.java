package dev.millrace.jobs.evaluate.run;

import dev.millrace.api.engine.EngineFactory;
import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.evaluate.metric.Sandbox;
import dev.millrace.jobs.evaluate.metric.UserMetrics;
import dev.millrace.jobs.evaluate.night.Night;
import dev.millrace.jobs.evaluate.request.AnswerStore;
import dev.millrace.jobs.evaluate.request.RequestFiles;
import dev.millrace.jobs.evaluate.result.EvaluationFolder;
import dev.millrace.jobs.evaluate.result.ModelRun;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.result.NightResult;
import dev.millrace.jobs.evaluate.result.TaskResult;
import dev.millrace.jobs.evaluate.result.Verdict;
import dev.millrace.jobs.evaluate.spec.EvaluationSpec;
import dev.millrace.jobs.evaluate.spec.ModelSpec;
import dev.millrace.jobs.model.ModelStore;
import dev.millrace.jobs.model.Places;
import dev.millrace.jobs.outcome.Failures;
import dev.millrace.jobs.progress.Amounts;
import dev.millrace.jobs.progress.ProgressPrinter;
import dev.millrace.jobs.progress.ProgressStyle;
import dev.millrace.jobs.run.EngineFactories;
import dev.millrace.jobs.run.Interruption;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.store.AtomicFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Runs a whole night: every model, then the comparison, the verdict and the reports. Interrupted
 * anywhere and started again, it goes on where it was and ends with the same result.
 */
public final class NightRun {
  private static final int COLUMNS = 80;

  private final Console console;
  private final EngineFactories engines;
  private final Places places;
  private final ModelStore models;
  private final String program;
  private final Clock clock;

  /**
   * A runner.
   *
   * @param program name and version, for the result
   */
  public NightRun(
      Console console, EngineFactories engines, Places places, String program, Clock clock) {
    this.console = console;
    this.engines = engines;
    this.places = places;
    this.models = new ModelStore(places, console);
    this.program = program;
    this.clock = clock;
  }

  /**
   * Runs or continues a night that has its place, its name and its deadline already.
   *
   * @throws dev.millrace.jobs.outcome.CommandException if it cannot go on; what is finished is kept
   */
  public NightResult run(EvaluationSpec spec, NightOptions options, Night night) {
    Interruption interruption = Interruption.watch(night.cancel(), console.err());
    try {
      try (UserMetrics metrics = UserMetrics.of(spec.metricJars())) {
        return decide(spec, options, night, metrics);
      }
    } catch (IOException e) {
      throw Failures.explain(e);
    } catch (UncheckedIOException e) {
      throw Failures.explain(e.getCause());
    } finally {
      interruption.close();
    }
  }

  private NightResult decide(
      EvaluationSpec spec, NightOptions options, Night night, UserMetrics metrics)
      throws IOException {
    EvaluationFolder evaluation = EvaluationFolder.at(options.output());
    Sandbox sandbox =
        options.allowExecution() ? Sandbox.allowed(console::notice) : Sandbox.forbidden();
    List<ModelNight> checked = new ArrayList<>();
    List<Path> workspaces = new ArrayList<>();
    List<EngineFactory> factories = new ArrayList<>();
    for (ModelSpec model : spec.models()) {
      Path workspace = models.workspace(model.choice());
      EngineFactory factory = engines.of(workspace, model.engine(), model.text());
      ModelNight ready = new ModelNight(spec, model, factory, sandbox, metrics);
      ready.check();
      workspaces.add(workspace);
      factories.add(factory);
      checked.add(ready);
    }
    Begun begun =
        Begun.of(night.id().toString(), evaluation, spec, clock.instant(), options.reuse());
    NightFolder folder = evaluation.night(begun.nightId());
    Path work = folder.path().resolve(NightFolder.WORK_FOLDER);
    if (folder.isFinished()) { // killed between its result and the record of it
      removeWork(work, options);
      return folder.read();
    }
    List<ModelRun> runs = new ArrayList<>();
    List<ScoredTask> scored = new ArrayList<>();
    for (int i = 0; i < checked.size(); i++) {
      runs.add(
          model(
              spec,
              checked.get(i),
              workspaces.get(i),
              factories.get(i),
              evaluation,
              begun,
              night.cancel(),
              scored));
    }
    NightResult result = judged(spec, evaluation, begun, runs, scored);
    night.keeper().keep(() -> folder.write(result));
    removeWork(work, options);
    return result;
  }

  private static void removeWork(Path work, NightOptions options) throws IOException {
    if (!options.keepWork()) {
      AtomicFiles.delete(work);
    }
  }

  private ModelRun model(
      EvaluationSpec spec,
      ModelNight night,
      Path workspace,
      EngineFactory factory,
      EvaluationFolder evaluation,
      Begun begun,
      CancelToken cancel,
      List<ScoredTask> scored)
      throws IOException {
    long start = System.nanoTime();
    NightFolder folder = evaluation.night(begun.nightId());
    Path work = folder.path().resolve(NightFolder.WORK_FOLDER).resolve(night.folderName());
    RequestFiles requests = new RequestFiles(work.resolve("requests"));
    Path failures = work.resolve("failures.jsonl");
    try (AnswerStore store =
        AnswerStore.open(evaluation.answers().resolve(night.folderName()), begun.nightId())) {
      store.merge();
      RequestFiles.Counts counts = night.writeRequests(requests, store, begun);
      console.notice(
          night.name()
              + ": "
              + Amounts.count(counts.all())
              + " requests, "
              + Amounts.count(counts.computed())
              + " to compute, "
              + Amounts.count(counts.reused())
              + " known from earlier nights.");
      ProgressPrinter progress =
          new ProgressPrinter(
              ProgressStyle.of("auto", console.terminal()),
              console.err(),
              COLUMNS,
              System::nanoTime);
      ModelJobs jobs =
          new ModelJobs(
              requests, work, factory, progress, cancel, spec.chunkRows(), spec.beamArguments());
      ModelJobs.Done done;
      try {
        done = jobs.run();
      } finally {
        progress.clear();
      }
      recordRate(night, done);
      night.keepAnswers(jobs, store, failures);
      store.openFailures(failures);
      long scoring = System.nanoTime();
      scored.addAll(night.score(store, folder));
      long end = System.nanoTime();
      return night.run(workspace, counts, done, (end - scoring) / 1e9, (end - start) / 1e9);
    }
  }

  /** For later plans; the first report alone, because the engine counts on over both jobs. */
  private void recordRate(ModelNight night, ModelJobs.Done done) {
    if (done.engine() == null || done.reports().isEmpty()) {
      return;
    }
    try {
      night.rates(places, clock).record(done.reports().get(0));
    } catch (IOException e) {
      console.notice("The measured rate could not be kept for later plans: " + e);
    }
  }

  private NightResult judged(
      EvaluationSpec spec,
      EvaluationFolder evaluation,
      Begun begun,
      List<ModelRun> runs,
      List<ScoredTask> scored)
      throws IOException {
    new Baselines(evaluation).current(); // makes good an acceptance that was cut off
    Optional<BaselineScores> baseline = BaselineScores.open(evaluation.baseline());
    List<TaskResult> tasks = new Judge(baseline, spec.seed()).judge(scored);
    Verdict verdict = Verdict.PASS;
    for (TaskResult task : tasks) {
      verdict = verdict.worse(task.gate().verdict());
    }
    return new NightResult(
        NightResult.VERSION,
        begun.nightId(),
        spec.name(),
        spec.fingerprint(),
        program,
        begun.started(),
        clock.instant(),
        verdict,
        NightSummary.sentence(verdict, tasks, baseline.isPresent()),
        baseline.map(BaselineScores::nightId).orElse(null),
        runs,
        tasks);
  }
}
