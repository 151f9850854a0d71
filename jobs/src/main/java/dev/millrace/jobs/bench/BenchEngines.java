package dev.millrace.jobs.bench;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.cuda.VerbTimes;
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

  /**
   * Loads a workspace onto GPUs to time the verbs of some steps; the engine is slower for it.
   *
   * @param times takes them
   */
  Engine openProfiled(Path workspace, EngineSettings settings, VerbTimes times);
}
