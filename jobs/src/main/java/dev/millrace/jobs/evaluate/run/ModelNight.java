package dev.millrace.jobs.evaluate.run;

import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.engine.PromptEncoder;
import dev.millrace.jobs.evaluate.data.DataRow;
import dev.millrace.jobs.evaluate.metric.Metric;
import dev.millrace.jobs.evaluate.metric.Metrics;
import dev.millrace.jobs.evaluate.metric.Sandbox;
import dev.millrace.jobs.evaluate.metric.UserMetrics;
import dev.millrace.jobs.evaluate.prompt.Seeds;
import dev.millrace.jobs.evaluate.prompt.TaskItems;
import dev.millrace.jobs.evaluate.request.Answer;
import dev.millrace.jobs.evaluate.request.AnswerStore;
import dev.millrace.jobs.evaluate.request.RequestFiles;
import dev.millrace.jobs.evaluate.request.RequestFiles.Job;
import dev.millrace.jobs.evaluate.request.RequestFiles.RequestSink;
import dev.millrace.jobs.evaluate.result.EngineTotals;
import dev.millrace.jobs.evaluate.result.JobTotals;
import dev.millrace.jobs.evaluate.result.ModelRun;
import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.jobs.evaluate.result.RankMemory;
import dev.millrace.jobs.evaluate.result.SampleWriter;
import dev.millrace.jobs.evaluate.spec.EvaluationSpec;
import dev.millrace.jobs.evaluate.spec.ModelSpec;
import dev.millrace.jobs.evaluate.spec.SuiteSpec;
import dev.millrace.jobs.evaluate.spec.TaskSpec;
import dev.millrace.jobs.model.Places;
import dev.millrace.jobs.run.RateBook;
import dev.millrace.pipeline.job.JobReport;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.function.ToLongFunction;

/** One model's part of a night: asks what is not known yet, then judges every task. */
final class ModelNight {
  private static final int FINGERPRINT_DIGITS = 16;

  private final EvaluationSpec spec;
  private final ModelSpec model;
  private final EngineFactory factory;
  private final String engineFingerprint;
  private final PromptEncoder encoder;
  private final Sandbox sandbox;
  private final UserMetrics userMetrics;

  ModelNight(
      EvaluationSpec spec,
      ModelSpec model,
      EngineFactory factory,
      Sandbox sandbox,
      UserMetrics userMetrics) {
    this.spec = spec;
    this.model = model;
    this.factory = factory;
    this.engineFingerprint = factory.fingerprint();
    this.encoder = factory.openPromptEncoder();
    this.sandbox = sandbox;
    this.userMetrics = userMetrics;
  }

  String name() {
    return model.name();
  }

  /** How fast it ran here before. */
  RateBook rates(Places places, Clock clock) {
    return new RateBook(
        places.cache().resolve("rates"), factory.modelFingerprint(), model.engine(), clock);
  }

  /** Names the model and its settings in folders. */
  String folderName() {
    String hash = Long.toHexString(Seeds.of(0, engineFingerprint));
    return NightFolder.fileName(model.name())
        + "-"
        + ("0".repeat(FINGERPRINT_DIGITS) + hash).substring(hash.length());
  }

  /** Its suites' tasks. */
  private void forEachTask(TaskAction action) throws IOException {
    for (SuiteSpec suite : spec.suites()) {
      if (suite.models().contains(model.name())) {
        for (TaskSpec task : suite.tasks()) {
          action.accept(suite, task);
        }
      }
    }
  }

  private interface TaskAction {
    void accept(SuiteSpec suite, TaskSpec task) throws IOException;
  }

  /** Compiles what judging will need, so that a mistake is told before anything is computed. */
  void check() throws IOException {
    forEachTask(
        (suite, task) -> {
          Metrics.of(task, sandbox, userMetrics);
          dev.millrace.jobs.evaluate.extract.Extractor.of(task.extract());
          task.gate().forEach(dev.millrace.jobs.evaluate.gate.GateRule::compile);
        });
  }

  /** One line a task: rows, metric, data. */
  List<String> describe() throws IOException {
    List<String> lines = new ArrayList<>();
    forEachTask(
        (suite, task) -> {
          TaskItems items = TaskItems.open(task, spec.seed(), encoder);
          lines.add(
              String.format(
                  Locale.ROOT,
                  "%s/%s: %,d rows%s, %s, %s, from %s",
                  suite.name(),
                  task.name(),
                  items.rows(),
                  task.repeats() == 1 ? "" : " x " + task.repeats(),
                  task.request().word(),
                  task.metrics().get(0).name(),
                  String.join(", ", task.data().shown())));
        });
    return lines;
  }

  /** Writes the requests that nobody answered yet, unless this night did so already. */
  RequestFiles.Counts writeRequests(RequestFiles files, AnswerStore store, Begun night)
      throws IOException {
    if (files.isWritten()) {
      return files.counts();
    }
    return files.write(
        sink -> {
          try {
            forEachTask((suite, task) -> ask(task, sink));
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        },
        key -> night.reuse() && store.hasEarlier(key) && !isRechecked(night, key));
  }

  private void ask(TaskSpec task, RequestSink sink) {
    List<Metric> metrics = Metrics.of(task, sandbox, userMetrics);
    TaskItems.open(task, spec.seed(), encoder)
        .forEach(
            item -> {
              check(task, item.row(), metrics);
              item.requests().forEach(r -> sink.accept(r.key(engineFingerprint), r));
            });
  }

  private static void check(TaskSpec task, DataRow row, List<Metric> metrics) {
    try {
      metrics.forEach(metric -> metric.check(row.values()));
    } catch (IllegalArgumentException e) {
      throw task.place()
          .error(task.name() + ": row " + row.id() + ": " + e.getMessage(), "Correct the data.", e);
    }
  }

  /** Some answers are computed again, others each night, so that a machine that errs is noticed. */
  private boolean isRechecked(Begun night, String key) {
    return spec.recheckShare() > 0
        && Seeds.of(0, night.nightId(), key) < spec.recheckShare() * Long.MAX_VALUE;
  }

  /** Keeps what the jobs answered. */
  void keepAnswers(ModelJobs jobs, AnswerStore store, Path failuresFile) throws IOException {
    if (store.isCommitted()) {
      return;
    }
    List<Answer> answers = new ArrayList<>();
    List<Answer> failed = new ArrayList<>();
    for (Job job : Job.values()) {
      RequestFiles.readAnswers(
          jobs.output(job), answer -> (answer.isFailed() ? failed : answers).add(answer));
    }
    store.commit(answers.iterator(), failed.iterator(), failuresFile);
  }

  /** Judges every task and writes its samples. */
  List<ScoredTask> score(AnswerStore store, NightFolder folder) throws IOException {
    List<ScoredTask> scored = new ArrayList<>();
    forEachTask(
        (suite, task) -> {
          TaskItems items = TaskItems.open(task, spec.seed(), encoder);
          String file = NightFolder.samplesFile(model.name(), suite.name(), task.name());
          try (SampleWriter writer = folder.sampleWriter(file)) {
            TaskScorer scorer =
                new TaskScorer(
                    task, engineFingerprint, store, Metrics.of(task, sandbox, userMetrics), writer);
            items.forEach(
                item -> {
                  try {
                    scorer.score(item);
                  } catch (IOException e) {
                    throw new UncheckedIOException(e);
                  }
                });
            writer.commit();
            scored.add(
                scorer.result(
                    suite.name(), model.name(), items.rows(), items.dataFingerprint(), file));
          }
        });
    return scored;
  }

  /** What the model did and took. */
  ModelRun run(
      Path workspace,
      RequestFiles.Counts counts,
      ModelJobs.Done done,
      double scoreSeconds,
      double totalSeconds) {
    List<JobReport> reports = done.reports();
    double generate = seconds(reports, r -> r.seconds().generate());
    long outputTokens = sum(reports, JobReport::outputTokens);
    EngineStatistics statistics = done.statistics();
    Double cost =
        spec.costPerHour() == null ? null : (Double) (spec.costPerHour() * totalSeconds / 3600);
    JobTotals totals =
        new JobTotals(
            counts.all(),
            counts.reused(),
            counts.computed(),
            counts.duplicates(),
            sum(reports, JobReport::promptTokens),
            sum(reports, JobReport::cachedTokens),
            outputTokens,
            seconds(reports, r -> r.seconds().stage()),
            done.loadSeconds(),
            generate,
            seconds(reports, r -> r.seconds().assemble()),
            scoreSeconds,
            totalSeconds,
            statistics == null || generate <= 0 ? 0 : statistics.outputTokens() / generate,
            statistics == null || generate <= 0 ? 0 : statistics.computedTokens() / generate,
            cost,
            cost == null ? null : spec.currency());
    return new ModelRun(
        model.name(),
        workspace.toString(),
        factory.modelFingerprint(),
        engineFingerprint,
        totals,
        engine(done.engine(), statistics));
  }

  private static double seconds(List<JobReport> reports, ToDoubleFunction<JobReport> part) {
    return reports.stream().mapToDouble(part).sum();
  }

  private static long sum(List<JobReport> reports, ToLongFunction<JobReport> part) {
    return reports.stream().mapToLong(part).sum();
  }

  private static EngineTotals engine(EngineInfo engine, EngineStatistics statistics) {
    if (engine == null || statistics == null) {
      return null;
    }
    return new EngineTotals(
        engine.backend(),
        engine.ranks(),
        engine.sequencesMax(),
        engine.contextTokensMax(),
        engine.memory().stream()
            .map(m -> new RankMemory(m.purpose(), m.plannedBytes(), m.usedBytes()))
            .toList(),
        statistics.steps(),
        statistics.steps() == 0 ? 0 : (double) statistics.sequenceSteps() / statistics.steps(),
        statistics.computedTokens(),
        statistics.modelNanos() / 1e9,
        statistics.idleNanos() / 1e9);
  }
}
