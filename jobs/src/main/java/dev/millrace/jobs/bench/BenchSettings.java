package dev.millrace.jobs.bench;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.cuda.CudaExecutors;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/**
 * What to measure.
 *
 * @param workload its rows
 * @param workspace the model
 * @param engine complete settings
 * @param sampling how tokens are drawn; lengths and ends are the workload's
 * @param repeats runs of all rows, at least 1; the engine stays open between them
 * @param profileSteps about how many steps to time verb by verb, in one more run; 0 for none
 * @param ceilings what the machine can do at most; empty to measure it where that can be done
 */
public record BenchSettings(
    Workload workload,
    Path workspace,
    EngineSettings engine,
    SamplingSettings sampling,
    int repeats,
    int profileSteps,
    Optional<Ceilings> ceilings) {
  public BenchSettings {
    Objects.requireNonNull(workload, "workload");
    Objects.requireNonNull(workspace, "workspace");
    Objects.requireNonNull(engine, "engine");
    Objects.requireNonNull(sampling, "sampling");
    Objects.requireNonNull(ceilings, "ceilings");
    if (repeats < 1) {
      throw new IllegalArgumentException("repeat: expected at least 1, found " + repeats);
    }
    boolean gpus = engine.backend().equals(CudaExecutors.FAMILY);
    if (profileSteps < 0 || (profileSteps > 0 && !gpus)) {
      throw new IllegalArgumentException(
          "profile: expected 0 or more steps, and --backend cuda, found %d on %s"
              .formatted(profileSteps, engine.backend()));
    }
  }
}
