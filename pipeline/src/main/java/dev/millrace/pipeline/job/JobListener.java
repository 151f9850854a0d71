package dev.millrace.pipeline.job;

/**
 * Told what a job does while it does it. Calls come one at a time from the job's own threads; they
 * must be quick. What a listener throws ends the job.
 */
public interface JobListener {

  /** Hears nothing. */
  JobListener NONE = new JobListener() {};

  /** A stage begins. A stage that is skipped on resume still begins and ends. */
  default void stageStarted(JobStage stage) {}

  /** A stage ended; {@code resumed} if an earlier run had committed all of it. */
  default void stageFinished(JobStage stage, double seconds, boolean resumed) {}

  /** The plan is known: after {@code STAGE}, before the engine is opened. */
  default void planned(StagePlan plan) {}

  /** Several times a second while a stage runs, and once at its end. */
  default void progressed(JobProgress progress) {}

  /** Something a person should know that does not stop the job. */
  default void warned(String message) {}
}
