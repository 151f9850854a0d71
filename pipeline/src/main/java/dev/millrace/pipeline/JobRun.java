package dev.millrace.pipeline;

import dev.millrace.api.engine.EngineFactory;
import dev.millrace.pipeline.job.CancelToken;
import dev.millrace.pipeline.job.JobListener;
import dev.millrace.pipeline.job.JobReport;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.job.StagePlan;

/**
 * One run of a job: takes the output folder, then carries out the stages that are not committed.
 */
@SuppressWarnings("DoNotCallSuggester")
record JobRun(
    JobSettings settings, EngineFactory factory, JobListener listener, CancelToken cancel) {

  StagePlan stage() {
    throw new UnsupportedOperationException("stage is not built yet");
  }

  JobReport run() {
    throw new UnsupportedOperationException("run is not built yet");
  }
}
