package dev.millrace.jobs.evaluate.run;

import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.jobs.evaluate.request.RequestFiles;
import dev.millrace.jobs.evaluate.request.RequestFiles.Job;
import dev.millrace.pipeline.BatchJob;
import dev.millrace.pipeline.generate.EngineHost;
import dev.millrace.pipeline.generate.EngineLease;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.ColumnSettings;
import dev.millrace.pipeline.job.JobListener;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.OutputSettings;
import dev.millrace.pipeline.job.StagePlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The batch jobs of one model: what generates, then what scores, on one engine that stays open
 * between them. Each resumes where it was.
 */
final class ModelJobs {
  private final RequestFiles requests;
  private final Path work;
  private final EngineFactory factory;
  private final JobListener listener;
  private final CancelToken cancel;
  private final int chunkRows;
  private final List<String> beamArguments;

  ModelJobs(
      RequestFiles requests,
      Path work,
      EngineFactory factory,
      JobListener listener,
      CancelToken cancel,
      int chunkRows,
      List<String> beamArguments) {
    this.requests = requests;
    this.work = work;
    this.factory = factory;
    this.listener = listener;
    this.cancel = cancel;
    this.chunkRows = chunkRows;
    this.beamArguments = List.copyOf(beamArguments);
  }

  /**
   * What was done.
   *
   * @param reports of each job that had requests
   * @param engine that ran them, or null if an earlier start of the night had done all
   * @param statistics its counters over both jobs, or null
   * @param loadSeconds of opening it
   */
  record Done(
      List<JobReport> reports,
      EngineInfo engine,
      EngineStatistics statistics,
      double loadSeconds) {}

  Path output(Job job) {
    return work.resolve("answers-" + job.name().toLowerCase(Locale.ROOT));
  }

  /** Runs both jobs to their end. */
  Done run() throws IOException {
    List<JobReport> reports = new ArrayList<>();
    boolean pending = false;
    for (Job job : Job.values()) {
      pending |= !requests.inputs(job).isEmpty() && !isDone(job);
    }
    long start = System.nanoTime();
    try (EngineLease lease = pending ? EngineHost.acquire(factory, Duration.ZERO) : null) {
      double loadSeconds = pending ? (System.nanoTime() - start) / 1e9 : 0;
      for (Job job : Job.values()) {
        Optional<JobSettings> settings = settings(job);
        if (settings.isPresent()) {
          reports.add(
              BatchJob.of(settings.get(), factory)
                  .withListener(listener)
                  .withCancelToken(cancel)
                  .run());
        }
      }
      return new Done(
          reports,
          lease == null ? null : lease.engine().info(),
          lease == null ? null : lease.engine().statistics(),
          loadSeconds);
    }
  }

  private boolean isDone(Job job) {
    return Files.isRegularFile(output(job).resolve("_SUCCESS"));
  }

  /** Reads, renders and tokenises every request, and stops. */
  List<StagePlan> stage() throws IOException {
    List<StagePlan> plans = new ArrayList<>();
    for (Job job : Job.values()) {
      settings(job).ifPresent(s -> plans.add(BatchJob.of(s, factory).stage()));
    }
    return plans;
  }

  private Optional<JobSettings> settings(Job job) throws IOException {
    List<String> inputs = requests.inputs(job);
    if (inputs.isEmpty()) {
      return Optional.empty();
    }
    ColumnSettings columns = ColumnSettings.automatic().withId("id");
    if (job == Job.SCORE) {
      columns = columns.withContinuation("continuation");
    }
    return Optional.of(
        JobSettings.of(inputs, OutputSettings.to(output(job)))
            .withColumns(columns)
            .withRawPrompt(true)
            .withChunkRows(chunkRows)
            .withAllowedFailures(1)
            .withBeamArguments(beamArguments));
  }
}
