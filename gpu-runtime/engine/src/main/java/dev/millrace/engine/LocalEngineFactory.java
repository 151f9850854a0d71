package dev.millrace.engine;

import dev.millrace.api.engine.DoesNotFitException;
import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.PromptEncoder;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.model.MemoryPlan;
import dev.millrace.engine.model.RankedExecutor;
import dev.millrace.engine.sample.Sampler;
import dev.millrace.engine.schedule.SchedulerLimits;
import dev.millrace.engine.text.TextSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.TreeMap;

/** Opens engines in this JVM: a workspace, and how to run it. */
public final class LocalEngineFactory implements EngineFactory {
  private static final long serialVersionUID = 1L;

  /** Requests between submission and delivery, per sequence of a step: enough to refill it. */
  private static final int QUEUE_PER_SEQUENCE = 4;

  private static final int QUEUE_MIN = 64;

  private final String workspacePath;
  private final EngineSettings settings;
  private final TextSettings textSettings;

  /** Reads prompts as {@link TextSettings#defaults} says. */
  public LocalEngineFactory(String workspacePath, EngineSettings settings) {
    this(workspacePath, settings, TextSettings.defaults());
  }

  /**
   * @param workspacePath folder of a converted model, on every worker
   * @param textSettings how prompts are read
   */
  public LocalEngineFactory(
      String workspacePath, EngineSettings settings, TextSettings textSettings) {
    this.workspacePath = Objects.requireNonNull(workspacePath, "workspacePath");
    this.settings = Objects.requireNonNull(settings, "settings");
    this.textSettings = Objects.requireNonNull(textSettings, "textSettings");
  }

  /**
   * {@inheritDoc} Of the settings, these count: the kind of backend and the ranks, for the last
   * bits of their sums, and the cap on the context, which ends outputs; and how prompts are read.
   */
  @Override
  public String fingerprint() {
    try (Workspace workspace = open()) {
      WorkspaceManifest manifest = workspace.manifest();
      return "model=%s backend=%s ranks=%d context=%d specialTokens=%s template=%s variables=%s"
          .formatted(
              manifest.modelFingerprint(),
              BackendChoice.family(settings),
              settings.ranks(),
              contextTokensMax(manifest),
              textSettings.parseSpecialTokens() ? "parsed" : "text",
              textSettings.templateName(),
              new TreeMap<>(textSettings.templateVariables()));
    }
  }

  @Override
  public String modelFingerprint() {
    try (Workspace workspace = open()) {
      return workspace.manifest().modelFingerprint();
    }
  }

  @Override
  public PromptEncoder openPromptEncoder() {
    try (Workspace workspace = open()) {
      return ModelText.open(workspace, textSettings, contextTokensMax(workspace.manifest()));
    }
  }

  /**
   * {@inheritDoc}
   *
   * @throws DoesNotFitException if memory does not suffice, with the sizes
   */
  @Override
  public Engine openEngine() {
    long start = System.nanoTime();
    BackendFactory backends = BackendChoice.open(settings);
    try (Workspace workspace = open()) {
      WorkspaceManifest manifest = workspace.manifest();
      EngineModel model =
          new EngineModel(
              ModelText.open(workspace, textSettings, contextTokensMax(manifest)),
              manifest.shape().vocabularySize(),
              manifest.generation().eosTokenIds(),
              contextTokensMax(manifest));
      RankedExecutor executor =
          RankedExecutor.openOnHost(
              workspace, settings, backends, () -> new Sampler(model.vocabularySize()));
      try {
        return start(manifest, model, backends, executor, start);
      } catch (RuntimeException e) {
        executor.close();
        throw e;
      }
    }
  }

  /**
   * What {@link #openEngine} would take, to the byte, with nothing taken yet.
   *
   * @throws EngineException if the workspace or the settings do not allow it, saying what to do
   * @throws DoesNotFitException if memory does not suffice, with the sizes
   */
  public EngineInfo plan() {
    BackendFactory backends = BackendChoice.open(settings);
    try (Workspace workspace = open()) {
      WorkspaceManifest manifest = workspace.manifest();
      MemoryPlan plan = MemoryPlan.of(manifest, settings, backends);
      return new EngineInfo(
          manifest.modelFingerprint(),
          backends.name(),
          settings.ranks(),
          plan.contextTokensMax(),
          Math.min(settings.sequencesMax(), settings.stepTokensMax()),
          0,
          plan.entries());
    }
  }

  private LocalEngine start(
      WorkspaceManifest manifest,
      EngineModel model,
      BackendFactory backends,
      RankedExecutor executor,
      long startNanos) {
    int sequencesMax = Math.min(settings.sequencesMax(), settings.stepTokensMax());
    SchedulerLimits limits =
        new SchedulerLimits(
            sequencesMax,
            settings.stepTokensMax(),
            settings.stepTokensMax(), // the executor takes logits in pieces of its own size
            executor.kvBlocks(),
            executor.contextTokensMax(),
            settings.prefixCache());
    EngineInfo info =
        new EngineInfo(
            manifest.modelFingerprint(),
            backends.name(),
            settings.ranks(),
            executor.contextTokensMax(),
            sequencesMax,
            System.nanoTime() - startNanos,
            executor.memory());
    int queueRequests = Math.max(QUEUE_MIN, QUEUE_PER_SEQUENCE * sequencesMax);
    return new LocalEngine(
        info, model, executor, limits, queueRequests, settings.stepDeadlineMillis());
  }

  private int contextTokensMax(WorkspaceManifest manifest) {
    int model = manifest.shape().contextTokensMax();
    return settings.contextTokensMax() == 0 ? model : Math.min(model, settings.contextTokensMax());
  }

  private Workspace open() {
    try {
      return Workspace.open(Path.of(workspacePath));
    } catch (IOException e) {
      throw new EngineException(e.getMessage(), e);
    }
  }
}
