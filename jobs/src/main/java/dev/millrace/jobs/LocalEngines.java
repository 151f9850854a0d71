package dev.millrace.jobs;

import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.engine.LocalEngineFactory;
import dev.millrace.jobs.run.EngineFactories;
import java.nio.file.Path;

/** The engine of this program: in its own JVM, on the CPU. */
final class LocalEngines implements EngineFactories {
  @Override
  public EngineFactory of(Path workspace, EngineSettings settings) {
    return new LocalEngineFactory(workspace.toAbsolutePath().toString(), settings);
  }

  @Override
  public EngineInfo plan(Path workspace, EngineSettings settings) {
    return new LocalEngineFactory(workspace.toAbsolutePath().toString(), settings).plan();
  }
}
