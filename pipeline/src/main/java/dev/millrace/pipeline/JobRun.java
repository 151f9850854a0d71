package dev.millrace.pipeline;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.engine.PromptEncoder;
import dev.millrace.pipeline.flink.FlinkCluster;
import dev.millrace.pipeline.flink.FlinkSettings;
import dev.millrace.pipeline.flink.Submission;
import dev.millrace.pipeline.generate.Chunks;
import dev.millrace.pipeline.generate.EngineHost;
import dev.millrace.pipeline.generate.EngineLease;
import dev.millrace.pipeline.generate.EngineUnavailableException;
import dev.millrace.pipeline.generate.WorkerRecord;
import dev.millrace.pipeline.group.Chunk;
import dev.millrace.pipeline.group.StageManifest;
import dev.millrace.pipeline.group.Stager;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.Counters;
import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.JobCancelledException;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.JobListener;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.JobStage;
import dev.millrace.pipeline.job.RetryableException;
import dev.millrace.pipeline.job.StagePlan;
import dev.millrace.pipeline.read.InputFile;
import dev.millrace.pipeline.read.InputFiles;
import dev.millrace.pipeline.read.ObjectStores;
import dev.millrace.pipeline.store.JobDescription;
import dev.millrace.pipeline.store.StorageErrors;
import dev.millrace.pipeline.write.Assembler;
import dev.millrace.pipeline.write.OutputManifest;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.apache.beam.sdk.io.FileSystems;
import org.apache.beam.sdk.options.PipelineOptions;

/**
 * One run of a job: takes the output folder, then carries out the stages that are not committed.
 */
final class JobRun {
  private final JobSettings settings;
  private final EngineFactory factory;
  private final JobListener listener;
  private final CancelToken cancel;
  private final FlinkSettings flink; // null for the direct runner
  private final long start = System.nanoTime();
  private List<InputFile> files = List.of();
  private double stageSeconds;
  private double loadSeconds;
  private double generateSeconds;
  private double assembleSeconds;
  private long resumedRequests;
  private EngineInfo engine;
  private EngineStatistics statistics;

  JobRun(
      JobSettings settings,
      EngineFactory factory,
      JobListener listener,
      CancelToken cancel,
      FlinkSettings flink) {
    this.settings = settings;
    this.factory = factory;
    this.listener = listener;
    this.cancel = cancel;
    this.flink = flink;
  }

  StagePlan stage() {
    try (OutputFolder output = take()) {
      if (output.finished() != null) {
        return output.finished().plan();
      }
      return stage(output).plan(false);
    }
  }

  JobReport run() {
    try (OutputFolder output = take()) {
      OutputManifest manifest = output.finished();
      if (manifest == null) {
        endLeftJob(output);
        FutureTask<PipelineOptions> options = prepareBeam(output);
        FlinkSettings cluster = flink == null ? null : reached(flink);
        StageManifest stage = stage(output);
        generate(output, stage, options, cluster);
        manifest = assemble(output, stage);
      } else {
        listener.warned("the output folder is complete already: nothing was computed");
        resumedRequests = manifest.totals().requests();
      }
      JobReport report = report(manifest);
      output.seal(report.withinAllowedFailures(), settings.output().keepWorkFiles());
      return report;
    }
  }

  private void endLeftJob(OutputFolder output) {
    String done =
        StorageErrors.guard(output.folder().work(), () -> Submission.endLeftJob(output.folder()));
    if (done != null) {
      listener.warned(done);
    }
  }

  /** Before anything is staged: a cluster that is not there is better known early. */
  private static FlinkSettings reached(FlinkSettings asked) {
    if (asked.isOfThisProcess()) {
      return asked.parallelism() > 0 ? asked : asked.withParallelism(1);
    }
    int slots = new FlinkCluster(asked.master()).slots(asked.parallelism());
    return asked.parallelism() > 0 ? asked : asked.withParallelism(slots);
  }

  /** Beam takes a second to load its classes: it can do so while rows are staged. */
  private FutureTask<PipelineOptions> prepareBeam(OutputFolder output) {
    FutureTask<PipelineOptions> options =
        new FutureTask<>(
            () ->
                flink == null
                    ? Generation.options(beamArguments())
                    : ClusterGeneration.prepare(output.folder(), factory, flink, beamArguments()));
    Thread thread = new Thread(options, "millrace-beam");
    thread.setDaemon(true);
    thread.start();
    return options;
  }

  private static PipelineOptions await(FutureTask<PipelineOptions> options) {
    try {
      return options.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new JobCancelledException("interrupted before generating");
    } catch (ExecutionException e) {
      if (e.getCause() instanceof JobException job) {
        throw job;
      }
      throw new JobException(ExitCode.INTERNAL, "Beam cannot be set up: " + e.getCause(), e);
    }
  }

  private OutputFolder take() {
    cancel.check();
    if (settings.inputs().stream().anyMatch(ObjectStores::isRemote)) {
      openFileSystems();
    }
    files = InputFiles.find(settings.inputs(), settings.output().path());
    JobDescription description = JobDescription.of(settings, files, factory.fingerprint());
    return OutputFolder.take(settings, files, description);
  }

  /** Twice: before the first time nobody knows which ones there are. */
  private void openFileSystems() {
    FileSystems.setDefaultPipelineOptions(Generation.options(settings.beamArguments()));
    ObjectStores.requireFileSystems(settings.inputs());
    FileSystems.setDefaultPipelineOptions(Generation.options(beamArguments()));
  }

  /** Those that the user gave, and what file systems are told; a pipeline sets them anew. */
  private List<String> beamArguments() {
    List<String> arguments = new ArrayList<>(settings.beamArguments());
    arguments.addAll(ObjectStores.arguments(settings.inputs(), arguments, System.getenv()));
    return arguments;
  }

  private StageManifest stage(OutputFolder output) {
    Counters counters = new Counters();
    StageWatch watch = new StageWatch(listener, JobStage.STAGE, counters, -1, 0, cancel);
    StageManifest stage;
    boolean resumed;
    try (watch) {
      resumed = Files.exists(output.folder().stage());
      if (resumed) {
        watch.resumed();
        stage = StorageErrors.guard(output.folder().stage(), () -> committedStage(output));
      } else {
        stage =
            new Stager(
                    settings,
                    openEncoder(),
                    output.description(),
                    output.folder(),
                    counters,
                    cancel)
                .run(files);
      }
      watch.done();
    }
    stageSeconds = watch.seconds();
    if (stage.rows() == 0) {
      listener.warned("the input has no rows: the output will have none");
    }
    listener.planned(stage.plan(resumed));
    return stage;
  }

  private static StageManifest committedStage(OutputFolder output) throws IOException {
    StageManifest stage = StageManifest.read(output.folder().stage());
    String expected = output.description().fingerprint();
    if (!stage.fingerprint().equals(expected)) {
      throw new JobException(
          ExitCode.INTERNAL,
          "expected a stage with the fingerprint of its job, "
              + expected
              + ", found "
              + stage.fingerprint()
              + " (folder="
              + output.folder().stage()
              + "); turn resume off to discard it");
    }
    return stage;
  }

  private PromptEncoder openEncoder() {
    try {
      return factory.openPromptEncoder();
    } catch (EngineException e) {
      throw new JobException(
          ExitCode.INVALID_INPUT, "the tokenizer cannot be opened: " + e.getMessage(), e);
    }
  }

  private void generate(
      OutputFolder output,
      StageManifest stage,
      FutureTask<PipelineOptions> prepared,
      FlinkSettings cluster) {
    Counters counters = new Counters();
    List<Chunk> open =
        StorageErrors.guard(
            output.folder().journals(),
            () -> Chunks.open(output.folder(), stage.chunks(), counters));
    PipelineOptions options = open.isEmpty() ? null : await(prepared);
    boolean here = options != null && Generation.isDirect(options);
    try (EngineLease lease = here ? load() : null) {
      StageWatch watch =
          new StageWatch(
              listener,
              JobStage.GENERATE,
              counters,
              stage.requests(),
              stage.chunks().size(),
              cancel);
      try (watch) {
        if (open.isEmpty() && !stage.chunks().isEmpty()) {
          watch.resumed();
        } else if (!open.isEmpty()) {
          StorageErrors.guard(
              output.folder().journals(),
              () -> {
                generate(output, stage, counters, open, options, cluster);
                return null;
              });
        }
        watch.done();
      }
      generateSeconds = watch.seconds();
      resumedRequests = counters.rowsResumed();
      if (lease != null) {
        statistics = lease.engine().statistics();
      }
    }
  }

  private void generate(
      OutputFolder output,
      StageManifest stage,
      Counters counters,
      List<Chunk> open,
      PipelineOptions options,
      FlinkSettings cluster)
      throws IOException {
    if (cluster == null) {
      new Generation(output.folder(), factory, stage.sampling(), counters, cancel)
          .run(open, options);
    } else {
      List<WorkerRecord> workers =
          new ClusterGeneration(
                  output.folder(),
                  factory,
                  stage.sampling(),
                  counters,
                  cancel,
                  cluster,
                  beamArguments())
              .run(open);
      engine = workers.isEmpty() ? null : workers.get(0).info();
      statistics = WorkerRecord.sum(workers);
    }
  }

  /** Opens the engine here, so that the pipeline's functions find it, and its failure is plain. */
  private EngineLease load() {
    StageWatch watch = new StageWatch(listener, JobStage.LOAD, new Counters(), 0, 0, cancel);
    EngineLease lease;
    try (watch) {
      lease = EngineHost.acquire(factory, Duration.ZERO);
      watch.done();
    } catch (EngineUnavailableException e) {
      throw new RetryableException("there is no engine now: " + e.getMessage(), e);
    } catch (EngineException e) {
      throw new JobException(
          ExitCode.INVALID_INPUT, "the engine cannot be opened: " + e.getMessage(), e);
    }
    Engine opened = lease.engine();
    engine = opened.info();
    loadSeconds = watch.seconds();
    return lease;
  }

  private OutputManifest assemble(OutputFolder output, StageManifest stage) {
    Counters counters = new Counters();
    StageWatch watch =
        new StageWatch(listener, JobStage.ASSEMBLE, counters, stage.rows(), 0, cancel);
    OutputManifest manifest;
    try (watch) {
      manifest =
          new Assembler(
                  settings.output(),
                  stage,
                  output.description(),
                  factory.modelFingerprint(),
                  output.folder(),
                  counters,
                  cancel)
              .run();
      watch.done();
    }
    assembleSeconds = watch.seconds();
    return manifest;
  }

  private JobReport report(OutputManifest manifest) {
    return new JobReport(
        manifest.rows(),
        manifest.completed(),
        manifest.failures(),
        manifest.totals().requests(),
        manifest.plan().duplicates(),
        resumedRequests,
        manifest.totals().promptTokens(),
        manifest.totals().cachedTokens(),
        manifest.totals().outputTokens(),
        new JobReport.Seconds(
            stageSeconds,
            loadSeconds,
            generateSeconds,
            assembleSeconds,
            (System.nanoTime() - start) / 1e9),
        manifest.files(),
        settings.output().path().toString(),
        settings.allowedFailures(),
        manifest.plan(),
        engine,
        statistics);
  }
}
