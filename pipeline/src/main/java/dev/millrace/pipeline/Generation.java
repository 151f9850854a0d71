package dev.millrace.pipeline;

import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.pipeline.generate.ChunkResult;
import dev.millrace.pipeline.generate.Chunks;
import dev.millrace.pipeline.generate.RunContext;
import dev.millrace.pipeline.group.Chunk;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.Counters;
import dev.millrace.pipeline.job.ExitCode;
import dev.millrace.pipeline.job.JobCancelledException;
import dev.millrace.pipeline.job.JobException;
import dev.millrace.pipeline.job.RetryableException;
import dev.millrace.pipeline.store.WorkFolder;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.apache.beam.runners.direct.DirectOptions;
import org.apache.beam.runners.direct.DirectRunner;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.PipelineResult;
import org.apache.beam.sdk.coders.ListCoder;
import org.apache.beam.sdk.coders.SerializableCoder;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.beam.sdk.transforms.Create;
import org.apache.beam.sdk.transforms.Flatten;
import org.apache.beam.sdk.transforms.Reshuffle;

/**
 * Carries out the generate stage on Beam: one small descriptor per chunk goes through a shuffle to
 * the workers, which read the chunk themselves and commit its journal. The pipeline's own outputs
 * are not needed: what counts are the journals.
 */
final class Generation {
  /** Chunks that one worker of the direct runner has in the engine at once. */
  private static final int CHUNKS_AT_ONCE = 3;

  /** Longest that functions may take to let go of their chunks when a run ends early. */
  private static final Duration QUIET = Duration.ofSeconds(30);

  private static final org.joda.time.Duration POLL = org.joda.time.Duration.millis(20);

  private final WorkFolder folder;
  private final EngineFactory factory;
  private final SamplingSettings sampling;
  private final Counters counters;
  private final CancelToken cancel;

  Generation(
      WorkFolder folder,
      EngineFactory factory,
      SamplingSettings sampling,
      Counters counters,
      CancelToken cancel) {
    this.folder = folder;
    this.factory = factory;
    this.sampling = sampling;
    this.counters = counters;
    this.cancel = cancel;
  }

  static PipelineOptions options(List<String> arguments) {
    PipelineOptions options;
    try {
      options = PipelineOptionsFactory.fromArgs(arguments.toArray(String[]::new)).create();
    } catch (IllegalArgumentException e) {
      throw new JobException(
          ExitCode.INVALID_INPUT,
          "expected options that Beam knows, found: " + e.getMessage() + "; correct them",
          e);
    }
    if (isDirect(options)) {
      DirectOptions direct = options.as(DirectOptions.class);
      direct.setBlockOnRun(false);
      direct.setEnforceEncodability(false); // descriptors are immutable records
      direct.setEnforceImmutability(false);
    }
    return options;
  }

  static boolean isDirect(PipelineOptions options) {
    return options.getRunner().equals(DirectRunner.class);
  }

  /** Generates all these chunks; each has its journal afterwards. */
  void run(List<Chunk> chunks, PipelineOptions options) throws IOException {
    if (isDirect(options)) {
      // A thread more than there are chunks would spin: see RunContext.holdAtEnd.
      int threads = Math.max(1, Math.min(CHUNKS_AT_ONCE, chunks.size()));
      options.as(DirectOptions.class).setTargetParallelism(threads);
    }
    String run = UUID.randomUUID().toString();
    try (RunContext context =
        RunContext.open(run, counters, cancel, isDirect(options) ? chunks : List.of())) {
      try {
        BatchInference<Chunk, ChunkResult> inference =
            BatchInference.ofBatches(
                    factory,
                    Chunks.opener(folder, sampling, run),
                    SerializableCoder.of(ChunkResult.class))
                .withLinger(isDirect(options) ? Duration.ZERO : Duration.ofMinutes(2))
                .ofRun(run);
        await(pipeline(chunks, options, inference).run());
      } catch (IOException | RuntimeException e) {
        cancel.cancel(); // functions that still run let go
        context.awaitQuiet(QUIET);
        throw e;
      }
      if (!context.awaitQuiet(QUIET)) {
        throw new RetryableException(
            "workers still hold chunks "
                + QUIET.toSeconds()
                + " s after the pipeline ended; start the same command again, it continues");
      }
    }
    requireCommitted(folder, chunks);
  }

  static void requireCommitted(WorkFolder folder, List<Chunk> chunks) throws IOException {
    for (Chunk chunk : chunks) {
      if (!Chunks.isCommitted(folder, chunk)) {
        throw new RetryableException(
            "the pipeline ended without the journal of chunk "
                + chunk.number()
                + " (folder="
                + folder.journals()
                + "); start the same command again, it continues");
      }
    }
  }

  /**
   * Descriptors through a shuffle to the workers; what they commit is not in its output.
   *
   * <p>They start as one element, which cannot be split. A source of several is split by the direct
   * runner while it is read, and what was split off waits until nothing else is at work: until then
   * a thread that has none looks for some without a pause, and then the engine runs empty.
   */
  static Pipeline pipeline(
      List<Chunk> chunks, PipelineOptions options, BatchInference<Chunk, ChunkResult> inference) {
    Pipeline pipeline = Pipeline.create(options);
    pipeline
        .apply(
            "Run",
            Create.of(List.of(chunks)).withCoder(ListCoder.of(SerializableCoder.of(Chunk.class))))
        .apply("Chunks", Flatten.iterables())
        .apply("Spread", Reshuffle.viaRandomKey())
        .apply("Infer", inference);
    return pipeline;
  }

  private void await(PipelineResult result) throws IOException {
    PipelineResult.State state = null;
    while (state == null || !state.isTerminal()) {
      if (cancel.isCancelled()) {
        result.cancel();
        throw new JobCancelledException(
            "cancelled while generating; finished rows are kept, the same command continues");
      }
      try {
        state = result.waitUntilFinish(POLL); // throws what ended the pipeline
      } catch (RuntimeException e) {
        JobException failure = translate(e);
        if (failure.exitCode() == ExitCode.CANCELLED) {
          result.cancel();
        }
        throw failure;
      }
    }
    if (state != PipelineResult.State.DONE) {
      throw new RetryableException("the pipeline ended as " + state);
    }
  }

  static JobException translate(RuntimeException failure) {
    Throwable root = failure;
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof JobException job) {
        return job;
      }
      if (cause instanceof InterruptedException) {
        Thread.currentThread().interrupt();
        return new JobCancelledException(
            "interrupted while generating; finished rows are kept, the same command continues");
      }
      if (cause instanceof EngineException) {
        return new RetryableException("the engine failed: " + cause.getMessage(), failure);
      }
      if (cause instanceof IOException) {
        return new RetryableException(
            "reading or writing failed: "
                + cause
                + "; finished rows are kept, start the same command again",
            failure);
      }
      root = cause;
    }
    String why = root == failure ? failure.getMessage() : failure.getMessage() + ": " + root;
    return new JobException(ExitCode.INTERNAL, "the pipeline failed: " + why, failure);
  }
}
