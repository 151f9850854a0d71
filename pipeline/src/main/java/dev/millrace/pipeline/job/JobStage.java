package dev.millrace.pipeline.job;

/** The parts of a job, in order; {@code LOAD} is the opening of the engine. */
public enum JobStage {
  STAGE,
  LOAD,
  GENERATE,
  ASSEMBLE
}
