package dev.millrace.cuda;

import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.MemoryProbe;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.engine.ExecutorProvider;
import dev.millrace.engine.model.MemoryPlan;
import dev.millrace.engine.model.ModelExecutor;
import java.util.Objects;
import java.util.Optional;

/** Runs models on the NVIDIA GPUs of this machine. Touches no GPU until it opens or plans. */
public final class CudaExecutors implements ExecutorProvider {
  private static final long serialVersionUID = 1L;

  /** What {@link EngineSettings#backend} calls it. */
  public static final String FAMILY = "cuda";

  /**
   * Enough rows for full matrix tiles in every decode step of a model that fits. Steps run no
   * faster with more than half of these, but there are fewer of other sizes to choose algorithms
   * for.
   */
  private static final int SEQUENCES = 2048;

  /** From here on a step's matrix products run at the device's own rate. */
  private static final int STEP_TOKENS = 8192;

  private final transient VerbTimes profile; // null if nobody looks

  public CudaExecutors() {
    this(null);
  }

  private CudaExecutors(VerbTimes profile) {
    this.profile = profile;
  }

  /** Executors that time the verbs of some steps; these run slower. Stay in this process. */
  public static CudaExecutors profiled(VerbTimes profile) {
    return new CudaExecutors(Objects.requireNonNull(profile, "profile"));
  }

  @Override
  public String family() {
    return FAMILY;
  }

  @Override
  public EngineSettings complete(EngineSettings settings) {
    return settings
        .withBackend(FAMILY)
        .withBatch(
            settings.sequencesMax() == 0 ? SEQUENCES : settings.sequencesMax(),
            settings.stepTokensMax() == 0 ? STEP_TOKENS : settings.stepTokensMax());
  }

  @Override
  public Plan plan(WorkspaceManifest manifest, EngineSettings settings) {
    CudaForecast sizes = new CudaForecast(settings.devicesOfRanks(), settings.deviceMemoryBytes());
    try {
      sizes.adapt(manifest, settings);
      return new Plan(sizes.name(), MemoryPlan.of(manifest, settings, sizes));
    } catch (CudaException e) {
      throw new EngineException(
          "no GPU can be used: %s; to plan for another machine, say how much memory its GPU has: --gpu-memory 80GiB"
              .formatted(e.getMessage()),
          e);
    }
  }

  @Override
  public MemoryProbe probe(EngineSettings settings) {
    return CudaProbe.open(settings.devicesOfRanks());
  }

  @Override
  public ModelExecutor open(Workspace workspace, EngineSettings settings) {
    return CudaExecutor.open(
        workspace, settings, settings.devicesOfRanks(), Optional.ofNullable(profile));
  }
}
