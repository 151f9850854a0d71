package dev.millrace.jobs.evaluate.spec;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.engine.text.TextSettings;
import dev.millrace.jobs.model.ModelChoice;
import java.util.Objects;

/**
 * One model of a night.
 *
 * @param name unique in the spec
 * @param choice workspace, checkpoint or the sample model
 * @param engine how its engine is set up
 * @param text how its prompts are read
 */
public record ModelSpec(String name, ModelChoice choice, EngineSettings engine, TextSettings text) {
  public ModelSpec {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(choice, "choice");
    Objects.requireNonNull(engine, "engine");
    Objects.requireNonNull(text, "text");
  }
}
