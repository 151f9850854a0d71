package dev.millrace.pipeline;

import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.pipeline.flink.FlinkCluster;
import dev.millrace.pipeline.flink.FlinkJob;
import dev.millrace.pipeline.flink.FlinkSettings;
import dev.millrace.pipeline.flink.Submission;
import dev.millrace.pipeline.generate.ChunkResult;
import dev.millrace.pipeline.generate.Chunks;
import dev.millrace.pipeline.generate.JournalFollower;
import dev.millrace.pipeline.generate.RunContext;
import dev.millrace.pipeline.generate.WorkerRecord;
import dev.millrace.pipeline.group.Chunk;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.Counters;
import dev.millrace.pipeline.job.JobCancelledException;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.RetryableException;
import dev.millrace.pipeline.store.AtomicFiles;
import dev.millrace.pipeline.store.WorkFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.PipelineResult;
import org.apache.beam.sdk.coders.SerializableCoder;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.util.construction.PipelineTranslation;

/**
 * Carries out the generate stage on Flink: the same pipeline as {@link Generation}, submitted and
 * then followed from outside. Workers and client share the work folder and nothing else.
 */
final class ClusterGeneration {
  private static final Duration CANCELLED_WITHIN = Duration.ofSeconds(60);
  private static final long POLL_MILLIS = 100;

  /** Attempts after a lost worker; what is committed is not computed again. */
  private static final int RETRIES = 3;

  private final WorkFolder folder;
  private final EngineFactory factory;
  private final SamplingSettings sampling;
  private final Counters counters;
  private final CancelToken cancel;
  private final FlinkSettings settings;
  private final List<String> arguments;

  /**
   * @param arguments for Beam, besides those that come of the settings
   */
  ClusterGeneration(
      WorkFolder folder,
      EngineFactory factory,
      SamplingSettings sampling,
      Counters counters,
      CancelToken cancel,
      FlinkSettings settings,
      List<String> arguments) {
    this.folder = folder;
    this.factory = factory;
    this.sampling = sampling;
    this.counters = counters;
    this.cancel = cancel;
    this.settings = settings;
    this.arguments = arguments;
  }

  /**
   * Generates all these chunks; each has its journal afterwards.
   *
   * @return what the workers' engines were and did
   */
  List<WorkerRecord> run(List<Chunk> chunks) throws IOException {
    String name = "millrace-" + UUID.randomUUID();
    Files.createDirectories(folder.journals());
    JournalFollower follower = new JournalFollower(folder, chunks, counters);
    Path configuration = writeConfiguration();
    try (RunContext context = RunContext.open(name, new Counters(), cancel, List.of())) {
      try {
        submitAndAwait(chunks, name, configuration, follower, context);
      } catch (IOException | RuntimeException e) {
        cancel.cancel(); // functions in this process let go
        context.awaitQuiet(CANCELLED_WITHIN);
        throw e;
      }
      if (!context.awaitQuiet(CANCELLED_WITHIN)) {
        throw new RetryableException("workers still hold chunks; start the same command again");
      }
      Submission.delete(folder);
    } finally {
      AtomicFiles.delete(configuration);
    }
    follower.poll();
    Generation.requireCommitted(folder, chunks);
    return WorkerRecord.read(folder, name);
  }

  private void submitAndAwait(
      List<Chunk> chunks,
      String name,
      Path configuration,
      JournalFollower follower,
      RunContext context)
      throws IOException {
    if (settings.isOfThisProcess()) {
      runLocal(chunks, name, configuration, follower, context);
      return;
    }
    FlinkCluster cluster = new FlinkCluster(settings.master());
    new Submission(settings.master(), name).write(folder);
    try {
      submit(chunks, name, configuration);
    } catch (RuntimeException e) {
      JobException loss = cluster.lossWhileSubmitting(e);
      throw loss != null ? loss : Generation.translate(e);
    }
    awaitRemote(cluster.job(name), follower);
  }

  private PipelineResult submit(List<Chunk> chunks, String name, Path configuration) {
    PipelineOptions options = Generation.options(jobArguments(chunks, name, configuration));
    return pipeline(chunks, options, folder, factory, sampling, name).run();
  }

  /**
   * Loads what submitting needs of Beam and its runner, by making such a pipeline: a second of a
   * core that would otherwise pass between staging and generating.
   *
   * @param arguments for Beam, besides those that come of the settings
   * @return Beam's options but for those of one job
   */
  static PipelineOptions prepare(
      WorkFolder folder, EngineFactory factory, FlinkSettings settings, List<String> arguments) {
    PipelineOptions options = Generation.options(runnerArguments(settings, arguments));
    PipelineTranslation.toProto(
        pipeline(List.of(), options, folder, factory, SamplingSettings.greedy(), "none"));
    return options;
  }

  private static Pipeline pipeline(
      List<Chunk> chunks,
      PipelineOptions options,
      WorkFolder folder,
      EngineFactory factory,
      SamplingSettings sampling,
      String name) {
    return Generation.pipeline(
        chunks,
        options,
        BatchInference.ofBatches(
                factory,
                Chunks.opener(folder, sampling, name),
                SerializableCoder.of(ChunkResult.class))
            .withLinger(Duration.ZERO) // the engine's own process lingers
            .ofRun(name));
  }

  private List<String> jobArguments(List<Chunk> chunks, String name, Path configuration) {
    List<String> all = runnerArguments(settings, arguments);
    all.add("--jobName=" + name);
    all.add("--parallelism=" + Math.max(1, Math.min(settings.parallelism(), chunks.size())));
    all.add("--flinkConfDir=" + configuration);
    return all;
  }

  private static List<String> runnerArguments(FlinkSettings settings, List<String> arguments) {
    List<String> all = new ArrayList<>();
    all.add("--runner=FlinkRunner");
    all.add("--flinkMaster=" + settings.beamMaster());
    all.add("--useDataStreamForBatch=true"); // deals descriptors out in turn, and has a future
    all.add("--attachedMode=" + settings.isLocal()); // others are followed by their state
    all.add("--jobCheckIntervalInSecs=1");
    all.add("--numberOfExecutionRetries=" + (settings.isLocal() ? 0 : RETRIES));
    all.add("--executionRetryDelay=1000");
    if (!settings.isOfThisProcess()) {
      all.add("--filesToStage=" + String.join(",", settings.jars()));
    }
    all.addAll(arguments);
    return all;
  }

  /** What only the client's configuration can say, whatever the cluster's own does. */
  private static Path writeConfiguration() throws IOException {
    Path configuration = Files.createTempDirectory("millrace-flink-");
    AtomicFiles.write(
        configuration.resolve("config.yaml"),
        """
        # descriptors are few and small: left to itself the scheduler would take one worker for them
        execution.batch.adaptive.auto-parallelism.enabled: false
        taskmanager.memory.network.min: 64mb
        taskmanager.memory.network.max: 64mb
        rest.retry.max-attempts: 5
        rest.retry.delay: 1000
        """);
    return configuration;
  }

  /** Follows a job until it has ended; throws what ended it, unless it finished. */
  void awaitRemote(FlinkJob job, JournalFollower follower) throws IOException {
    String state = job.state();
    while (!FlinkJob.isEnd(state)) {
      if (cancel.isCancelled()) {
        throw cancelRemote(job);
      }
      sleep();
      follower.poll();
      state = job.state();
    }
    if (state.equals("FAILED")) {
      Submission.delete(folder);
      throw job.failure();
    }
    if (!state.equals("FINISHED")) {
      Submission.delete(folder);
      throw new RetryableException(
          "the job ended as " + state + ", by somebody else's hand; finished rows are kept");
    }
  }

  /** A job that could not be cancelled stays remembered, for the next run to end it. */
  private JobCancelledException cancelRemote(FlinkJob job) {
    JobCancelledException cancelled = cancelled();
    try {
      if (job.cancel(CANCELLED_WITHIN)) {
        Submission.delete(folder);
      }
    } catch (IOException | RetryableException e) {
      cancelled.addSuppressed(e);
    }
    return cancelled;
  }

  /**
   * A cluster of this process takes itself down with its job and answers no more, so it is run by a
   * thread that waits for it. Cancelling it is telling its functions, which are here.
   */
  private void runLocal(
      List<Chunk> chunks,
      String name,
      Path configuration,
      JournalFollower follower,
      RunContext context)
      throws IOException {
    FutureTask<PipelineResult.State> run =
        new FutureTask<>(() -> submit(chunks, name, configuration).waitUntilFinish());
    Thread thread = new Thread(run, "millrace-local-cluster");
    thread.setDaemon(true);
    thread.start();
    while (!run.isDone()) {
      sleep();
      follower.poll();
    }
    try {
      if (run.get() != PipelineResult.State.DONE) {
        throw new RetryableException("the cluster ended the job as " + run.get());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw cancelled();
    } catch (ExecutionException e) {
      if (cancel.isCancelled()) {
        throw cancelled();
      }
      RuntimeException cause = context.failure();
      throw Generation.translate(cause != null ? cause : new IllegalStateException(e.getCause()));
    }
  }

  private static JobCancelledException cancelled() {
    return new JobCancelledException(
        "cancelled while generating; finished rows are kept, the same command continues");
  }

  private void sleep() {
    try {
      Thread.sleep(POLL_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      cancel.cancel();
    }
  }
}
