package dev.millrace.pipeline;

import dev.millrace.api.engine.EngineFactory;
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

  private BatchJob(
      JobSettings settings, EngineFactory factory, JobListener listener, CancelToken cancel) {
    this.settings = Objects.requireNonNull(settings, "settings");
    this.factory = Objects.requireNonNull(factory, "factory");
    this.listener = Objects.requireNonNull(listener, "listener");
    this.cancel = Objects.requireNonNull(cancel, "cancel");
  }

  public static BatchJob of(JobSettings settings, EngineFactory factory) {
    return new BatchJob(settings, factory, JobListener.NONE, new CancelToken());
  }

  public BatchJob withListener(JobListener value) {
    return new BatchJob(settings, factory, value, cancel);
  }

  public BatchJob withCancelToken(CancelToken value) {
    return new BatchJob(settings, factory, listener, value);
  }

  /**
   * Reads, renders and tokenises every row and orders the work, then stops: a dry run. The staged
   * work stays in the output folder, so that {@link #run} starts from it.
   *
   * @throws dev.millrace.pipeline.job.JobException if the job cannot be staged
   */
  public StagePlan stage() {
    return new JobRun(settings, factory, listener, cancel).stage();
  }

  /**
   * Runs the job to its end, or continues it where an earlier run stopped.
   *
   * @throws dev.millrace.pipeline.job.JobException if it cannot finish; rows that fail do not throw
   */
  public JobReport run() {
    return new JobRun(settings, factory, listener, cancel).run();
  }
}
