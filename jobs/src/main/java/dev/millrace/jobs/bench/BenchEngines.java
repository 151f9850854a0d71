package dev.millrace.jobs.bench;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.engine.StepListener;
import java.nio.file.Path;

/** Opens engines that are watched step by step. */
public interface BenchEngines {

  /**
   * Loads a workspace.
   *
   * @param listener hears of every step
   */
  Engine open(Path workspace, EngineSettings settings, StepListener listener);
}
