package dev.millrace.jobs.run;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.engine.text.TextSettings;
import dev.millrace.jobs.model.ModelChoice;
import dev.millrace.jobs.progress.ProgressStyle;
import dev.millrace.pipeline.job.JobSettings;
import java.util.List;
import java.util.Objects;

/**
 * Everything a spec asks for, in the words of the modules that do it.
 *
 * @param job what the pipeline is to do
 * @param engine how the engine is set up
 * @param text how prompts are read
 * @param model which model runs
 * @param placement where it runs
 * @param progress how progress is shown
 * @param notices what was chosen for the user, one sentence each
 */
public record ComposedJob(
    JobSettings job,
    EngineSettings engine,
    TextSettings text,
    ModelChoice model,
    Placement placement,
    ProgressStyle progress,
    List<String> notices) {
  public ComposedJob {
    Objects.requireNonNull(job, "job");
    Objects.requireNonNull(engine, "engine");
    Objects.requireNonNull(text, "text");
    Objects.requireNonNull(model, "model");
    Objects.requireNonNull(placement, "placement");
    Objects.requireNonNull(progress, "progress");
    notices = List.copyOf(notices);
  }

  /** The same job with an engine that is set up so. */
  ComposedJob withEngine(EngineSettings value) {
    return new ComposedJob(job, value, text, model, placement, progress, notices);
  }
}
