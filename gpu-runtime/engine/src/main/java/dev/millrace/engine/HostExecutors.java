package dev.millrace.engine;

import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.CpuBackendFactory;
import dev.millrace.engine.compute.ReferenceBackendFactory;
import dev.millrace.engine.compute.kernel.KernelChoice;
import dev.millrace.engine.model.MemoryPlan;
import dev.millrace.engine.model.ModelExecutor;
import dev.millrace.engine.model.RankedExecutor;
import dev.millrace.engine.sample.Sampler;
import java.util.List;

/** Runs models on the CPU of this machine. */
public enum HostExecutors implements ExecutorProvider {
  /** The fastest arithmetic this JVM offers. */
  CPU("cpu"),
  /** Plain loops, to check others by. */
  REFERENCE("reference");

  private static final int SEQUENCES = 64;
  private static final int STEP_TOKENS = 2048;
  private static final List<String> NAMES = List.of("auto", "cpu", "reference");

  private final String family;

  HostExecutors(String family) {
    this.family = family;
  }

  /**
   * What {@link EngineSettings#backend} stands for where there is only the CPU.
   *
   * @throws EngineException if there is none of that name
   */
  public static HostExecutors of(EngineSettings settings) {
    if (!NAMES.contains(settings.backend())) {
      throw new EngineException(
          "backend: expected one of " + NAMES + ", found '" + settings.backend() + "'; choose one");
    }
    return settings.backend().equals(REFERENCE.family) ? REFERENCE : CPU;
  }

  @Override
  public String family() {
    return family;
  }

  @Override
  public EngineSettings complete(EngineSettings settings) {
    return settings
        .withBackend(family)
        .withBatch(
            settings.sequencesMax() == 0 ? SEQUENCES : settings.sequencesMax(),
            settings.stepTokensMax() == 0 ? STEP_TOKENS : settings.stepTokensMax());
  }

  @Override
  public Plan plan(WorkspaceManifest manifest, EngineSettings settings) {
    BackendFactory backends = backends(settings);
    return new Plan(backends.name(), MemoryPlan.of(manifest, settings, backends));
  }

  @Override
  public ModelExecutor open(Workspace workspace, EngineSettings settings) {
    int vocabulary = workspace.manifest().shape().vocabularySize();
    return RankedExecutor.openOnHost(
        workspace, settings, backends(settings), () -> new Sampler(vocabulary));
  }

  private BackendFactory backends(EngineSettings settings) {
    if (this == REFERENCE) {
      return new ReferenceBackendFactory();
    }
    int cores =
        settings.threads() == 0 ? Runtime.getRuntime().availableProcessors() : settings.threads();
    return new CpuBackendFactory(KernelChoice.fastest(), cores);
  }
}
