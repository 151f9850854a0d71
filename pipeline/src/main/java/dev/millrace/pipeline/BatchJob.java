package dev.millrace.pipeline;

import dev.millrace.api.engine.EngineFactory;
import dev.millrace.pipeline.flink.FlinkSettings;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.JobListener;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.StagePlan;
import java.util.Objects;

/**
 * Runs a batch job from input files to output files: <i>stage</i>, <i>generate</i>,
 * <i>assemble</i>, each committed by an atomic rename and skipped on resume when it matches.
 *
 * <pre>{@code
 * JobReport report =
 *     BatchJob.of(JobSettings.of(List.of("prompts.parquet"), OutputSettings.to(out)), factory)
 *         .withListener(listener)
 *         .run();
 * }</pre>
 *
 * Immutable; each {@code withX} returns a copy.
 */
public final class BatchJob {
  private final JobSettings settings;
  private final EngineFactory factory;
  private final JobListener listener;
  private final CancelToken cancel;
  private final FlinkSettings flink; // null for the direct runner

  private BatchJob(
      JobSettings settings,
      EngineFactory factory,
      JobListener listener,
      CancelToken cancel,
      FlinkSettings flink) {
    this.settings = Objects.requireNonNull(settings, "settings");
    this.factory = Objects.requireNonNull(factory, "factory");
    this.listener = Objects.requireNonNull(listener, "listener");
    this.cancel = Objects.requireNonNull(cancel, "cancel");
    this.flink = flink;
  }

  public static BatchJob of(JobSettings settings, EngineFactory factory) {
    return new BatchJob(settings, factory, JobListener.NONE, new CancelToken(), null);
  }

  public BatchJob withListener(JobListener value) {
    return new BatchJob(settings, factory, value, cancel, flink);
  }

  public BatchJob withCancelToken(CancelToken value) {
    return new BatchJob(settings, factory, listener, value, flink);
  }

  /**
   * Generates on Flink; the other stages are the client's. Beam's Flink runner must be on the class
   * path, and the workers must see the output folder and the workspace under the same paths.
   */
  public BatchJob onFlink(FlinkSettings value) {
    return new BatchJob(
        settings, factory, listener, cancel, Objects.requireNonNull(value, "flink"));
  }

  /**
   * Reads, renders and tokenises every row and orders the work, then stops: a dry run. The staged
   * work stays in the output folder, so that {@link #run} starts from it.
   *
   * @throws dev.millrace.pipeline.job.JobException if the job cannot be staged
   */
  public StagePlan stage() {
    return new JobRun(settings, factory, listener, cancel, flink).stage();
  }

  /**
   * Runs the job to its end, or continues it where an earlier run stopped.
   *
   * @throws dev.millrace.pipeline.job.JobException if it cannot finish; rows that fail do not throw
   */
  public JobReport run() {
    return new JobRun(settings, factory, listener, cancel, flink).run();
  }
}
