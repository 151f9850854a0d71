package dev.millrace.jobs.evaluate.run;

import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.evaluate.metric.Sandbox;
import dev.millrace.jobs.evaluate.metric.UserMetrics;
import dev.millrace.jobs.evaluate.request.AnswerStore;
import dev.millrace.jobs.evaluate.request.RequestFiles;
import dev.millrace.jobs.evaluate.result.EvaluationFolder;
import dev.millrace.jobs.evaluate.spec.EvaluationSpec;
import dev.millrace.jobs.evaluate.spec.ModelSpec;
import dev.millrace.jobs.inert.InertText;
import dev.millrace.jobs.model.ModelStore;
import dev.millrace.jobs.model.Places;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.outcome.Failures;
import dev.millrace.jobs.progress.Amounts;
import dev.millrace.jobs.report.MemoryForecast;
import dev.millrace.jobs.report.TimeForecast;
import dev.millrace.jobs.run.EngineFactories;
import dev.millrace.jobs.run.MemoryPlan;
import dev.millrace.jobs.run.RateBook;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.JobListener;
import dev.millrace.pipeline.job.StagePlan;
import dev.millrace.pipeline.store.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What a night would take: reads all data, renders and tokenises every prompt, plans the memory,
 * and stops. Leaves nothing in the output folder.
 */
public final class NightCheck {
  private static final String CHECK_NIGHT = "check";

  private final Console console;
  private final EngineFactories engines;
  private final Places places;
  private final ModelStore models;

  public NightCheck(Console console, EngineFactories engines, Places places) {
    this.console = console;
    this.engines = engines;
    this.places = places;
    this.models = new ModelStore(places, console);
  }

  /**
   * Validates and prints the plan.
   *
   * @return DONE, or DOES_NOT_FIT if a model would not
   */
  public ExitCode check(EvaluationSpec spec, NightOptions options) {
    boolean fits = true;
    try {
      Path scratch = Files.createTempDirectory("millrace-check-");
      try (UserMetrics metrics = UserMetrics.of(spec.metricJars())) {
        console.out().println("Plan of '" + spec.name() + "'; nothing was computed.");
        Sandbox sandbox =
            options.allowExecution() ? Sandbox.allowed(console::notice) : Sandbox.forbidden();
        for (ModelSpec model : spec.models()) {
          fits &= check(spec, model, options, scratch, sandbox, metrics);
        }
      } finally {
        AtomicFiles.delete(scratch);
      }
    } catch (IOException e) {
      throw Failures.explain(e);
    }
    console.out().flush();
    return fits ? ExitCode.DONE : ExitCode.DOES_NOT_FIT;
  }

  private boolean check(
      EvaluationSpec spec,
      ModelSpec model,
      NightOptions options,
      Path scratch,
      Sandbox sandbox,
      UserMetrics metrics)
      throws IOException {
    Path workspace = models.workspace(model.choice());
    EngineFactory factory = engines.of(workspace, model.engine(), model.text());
    ModelNight night = new ModelNight(spec, model, factory, sandbox, metrics);
    night.check();
    Path work = scratch.resolve(night.folderName());
    RequestFiles requests = new RequestFiles(work.resolve("requests"));
    Path answers = EvaluationFolder.at(options.output()).answers().resolve(night.folderName());
    Path known = Files.isDirectory(answers) ? answers : scratch.resolve("none");
    RequestFiles.Counts counts;
    try (AnswerStore store = AnswerStore.open(known, CHECK_NIGHT)) {
      Begun begun = new Begun(CHECK_NIGHT, Instant.EPOCH, spec.fingerprint(), options.reuse());
      counts = night.writeRequests(requests, store, begun);
    }
    List<StagePlan> plans =
        new ModelJobs(
                requests,
                work,
                factory,
                JobListener.NONE,
                new CancelToken(),
                spec.chunkRows(),
                spec.beamArguments())
            .stage();
    WorkspaceManifest manifest;
    try (Workspace opened = Workspace.open(workspace)) {
      manifest = opened.manifest();
    }
    MemoryForecast memory = new MemoryPlan(engines, workspace, model.engine(), manifest).chosen();
    print(night, counts, plans, memory, time(night, plans));
    return memory.fits();
  }

  private Optional<Double> time(ModelNight night, List<StagePlan> plans) throws IOException {
    RateBook rates = night.rates(places, Clock.systemUTC());
    double seconds = 0;
    for (StagePlan plan : plans) {
      Optional<TimeForecast> forecast = rates.expect(plan);
      if (forecast.isEmpty()) {
        return Optional.empty();
      }
      seconds += forecast.get().expectedSeconds();
    }
    return Optional.of(seconds);
  }

  private void print(
      ModelNight night,
      RequestFiles.Counts counts,
      List<StagePlan> plans,
      MemoryForecast memory,
      Optional<Double> time)
      throws IOException {
    row("", "");
    row("model", night.name());
    for (String line : night.describe()) {
      row("task", line);
    }
    row(
        "requests",
        Amounts.count(counts.all())
            + " = "
            + Amounts.count(counts.computed())
            + " to compute + "
            + Amounts.count(counts.reused())
            + " known + "
            + Amounts.count(counts.duplicates())
            + " duplicates");
    long in = plans.stream().mapToLong(StagePlan::promptTokens).sum();
    long shared = plans.stream().mapToLong(StagePlan::sharedPrefixTokens).sum();
    long out = plans.stream().mapToLong(StagePlan::outputTokensMax).sum();
    long failed = plans.stream().mapToLong(StagePlan::failedRows).sum();
    row(
        "tokens",
        Amounts.count(in)
            + " in ("
            + Amounts.count(shared)
            + " in shared prefixes), at most "
            + Amounts.count(out)
            + " out");
    if (failed > 0) {
      row("", Amounts.count(failed) + " requests cannot be asked; their rows will fail");
      plans.forEach(p -> p.failures().forEach((why, n) -> row("", n + " " + why)));
    }
    row(
        "time",
        time.map(t -> "about " + Amounts.text(t) + ", as fast as this model ran here before")
            .orElse("not known: this model has not been measured on this machine"));
    row(
        "memory",
        memory.fits()
            ? Amounts.bytes(memory.rankBytes()) + " on each of " + memory.ranks() + " ranks"
            : "does not fit: " + memory.obstacle());
  }

  private void row(String label, String line) {
    console
        .out()
        .println(InertText.line(String.format("  %-12s%s", label, line), 400).stripTrailing());
  }
}
