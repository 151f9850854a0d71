package dev.millrace.jobs.bench;

import dev.millrace.api.engine.EngineSettings;
import java.nio.file.Path;
import java.util.Objects;

/**
 * What to measure.
 *
 * @param workload its rows
 * @param workspace the model
 * @param engine complete settings
 * @param repeats runs of all rows, at least 1; the engine stays open between them
 * @param ceilings what the machine can do at most; unknown where not given
 */
public record BenchSettings(
    Workload workload, Path workspace, EngineSettings engine, int repeats, Ceilings ceilings) {
  public BenchSettings {
    Objects.requireNonNull(workload, "workload");
    Objects.requireNonNull(workspace, "workspace");
    Objects.requireNonNull(engine, "engine");
    Objects.requireNonNull(ceilings, "ceilings");
    if (repeats < 1) {
      throw new IllegalArgumentException("repeat: expected at least 1, found " + repeats);
    }
  }
}
