package dev.millrace.jobs.run;

import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineSettings;
import java.nio.file.Path;

/** Makes engines of workspaces. The one place where an engine is chosen implements it. */
public interface EngineFactories {

  /** A factory of engines of this workspace. */
  EngineFactory of(Path workspace, EngineSettings settings);

  /**
   * What an engine would take, without opening it.
   *
   * @throws dev.millrace.api.engine.EngineException if the settings do not allow it
   * @throws dev.millrace.api.engine.DoesNotFitException if it would not fit, with the sizes
   */
  EngineInfo plan(Path workspace, EngineSettings settings);
}
