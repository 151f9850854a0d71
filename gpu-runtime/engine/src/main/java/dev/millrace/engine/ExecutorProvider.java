package dev.millrace.engine;

import dev.millrace.api.engine.DoesNotFitException;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.engine.model.MemoryPlan;
import dev.millrace.engine.model.ModelExecutor;
import java.io.Serializable;
import java.util.Objects;

/**
 * Loads models onto one kind of device. The engine has {@link HostExecutors}; whoever composes a
 * program may give it others. Travels to workers by serialisation, so it holds no device.
 */
public interface ExecutorProvider extends Serializable {

  /** The kind of arithmetic, for fingerprints: for example {@code cpu}. */
  String family();

  /** Settings with what they leave open filled in as suits these devices. Idempotent. */
  EngineSettings complete(EngineSettings settings);

  /**
   * What a model would take, with nothing taken.
   *
   * @param settings complete ones
   * @throws EngineException if the model cannot be run so, saying what to do
   * @throws DoesNotFitException if memory does not suffice, with the sizes
   */
  Plan plan(WorkspaceManifest manifest, EngineSettings settings);

  /**
   * Loads a model.
   *
   * @param settings complete ones
   * @throws EngineException if a device is missing or the model cannot be run so, saying what to do
   * @throws DoesNotFitException if memory does not suffice, with the sizes
   */
  ModelExecutor open(Workspace workspace, EngineSettings settings);

  /**
   * What a model would take.
   *
   * @param backend what would compute, for reports
   * @param memory of each rank
   */
  record Plan(String backend, MemoryPlan memory) {
    public Plan {
      Objects.requireNonNull(backend, "backend");
      Objects.requireNonNull(memory, "memory");
    }
  }
}
