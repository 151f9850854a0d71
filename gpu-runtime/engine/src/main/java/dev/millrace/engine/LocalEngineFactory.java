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
import dev.millrace.engine.model.ModelExecutor;
import dev.millrace.engine.schedule.SchedulerLimits;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.text.TextSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** Opens engines in this JVM: a workspace, and how to run it. */
public final class LocalEngineFactory implements EngineFactory {
  private static final long serialVersionUID = 1L;

  /** Sequences between submission and delivery, per sequence of a step: enough to refill it. */
  private static final int QUEUE_PER_SEQUENCE = 4;

  private static final int QUEUE_MIN = 64;
  private static final String TOKENIZER_FILE = "tokenizer.json";

  private final String workspacePath;
  private final EngineSettings settings;
  private final TextSettings textSettings;
  private final ExecutorProvider executors;

  /** Runs on the CPU and reads prompts as {@link TextSettings#defaults} says. */
  public LocalEngineFactory(String workspacePath, EngineSettings settings) {
    this(workspacePath, settings, TextSettings.defaults());
  }

  /** Runs on the CPU. */
  public LocalEngineFactory(
      String workspacePath, EngineSettings settings, TextSettings textSettings) {
    this(workspacePath, settings, textSettings, HostExecutors.of(settings));
  }

  /**
   * @param workspacePath folder of a converted model, on every worker
   * @param textSettings how prompts are read
   * @param executors what runs the model; decides, whatever the settings say of the backend
   */
  public LocalEngineFactory(
      String workspacePath,
      EngineSettings settings,
      TextSettings textSettings,
      ExecutorProvider executors) {
    this.workspacePath = Objects.requireNonNull(workspacePath, "workspacePath");
    this.settings = executors.complete(settings);
    this.textSettings = Objects.requireNonNull(textSettings, "textSettings");
    this.executors = executors;
  }

  /** The settings, with nothing left open. */
  public EngineSettings settings() {
    return settings;
  }

  /**
   * {@inheritDoc} Of the settings, these count: the kind of backend, the ranks and batch
   * invariance, for the last bits of their sums, how keys and values are stored, and the cap on the
   * context, which ends outputs; and how prompts are read.
   */
  @Override
  public String fingerprint() {
    try (Workspace workspace = open()) {
      WorkspaceManifest manifest = workspace.manifest();
      return "model=%s backend=%s%s%s ranks=%d context=%d specialTokens=%s template=%s variables=%s"
          .formatted(
              manifest.modelFingerprint(),
              executors.family(),
              settings.batchInvariant() ? " batchInvariant=true" : "",
              settings.kvCacheType().isEightBit()
                  ? " kvCache=" + settings.kvCacheType().label()
                  : "",
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
      return text(workspace);
    }
  }

  /**
   * {@inheritDoc}
   *
   * @throws DoesNotFitException if memory does not suffice, with the sizes
   */
  @Override
  public Engine openEngine() {
    return openEngine(null);
  }

  /**
   * {@link #openEngine()} with somebody who hears of every step.
   *
   * @param listener null for nobody
   */
  public Engine openEngine(StepListener listener) {
    long start = System.nanoTime();
    try (Workspace workspace = open()) {
      WorkspaceManifest manifest = workspace.manifest();
      FutureTask<EngineText> text = readText(workspace);
      ModelExecutor executor = executors.open(workspace, settings);
      try {
        EngineModel model =
            new EngineModel(
                await(text),
                manifest.shape().vocabularySize(),
                manifest.generation().eosTokenIds(),
                contextTokensMax(manifest));
        return start(manifest, model, executor, start, listener);
      } catch (RuntimeException | Error e) {
        executor.close();
        throw e;
      }
    }
  }

  /** In a new JVM a large vocabulary takes as long as the weights, but another core. */
  private FutureTask<EngineText> readText(Workspace workspace) {
    FutureTask<EngineText> text = new FutureTask<>(() -> text(workspace));
    Thread thread = new Thread(text, "millrace-text");
    thread.setDaemon(true);
    thread.start();
    return text;
  }

  private static EngineText await(FutureTask<EngineText> text) {
    try {
      return text.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new EngineException("interrupted while the tokenizer was read", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new EngineException("the tokenizer cannot be read: " + e.getCause(), e);
    }
  }

  /**
   * What {@link #openEngine} would take, to the byte, with nothing taken yet.
   *
   * @throws EngineException if the workspace or the settings do not allow it, saying what to do
   * @throws DoesNotFitException if memory does not suffice, with the sizes
   */
  public EngineInfo plan() {
    try (Workspace workspace = open()) {
      WorkspaceManifest manifest = workspace.manifest();
      ExecutorProvider.Plan plan = executors.plan(manifest, settings);
      return new EngineInfo(
          manifest.modelFingerprint(),
          plan.backend(),
          settings.ranks(),
          plan.memory().contextTokensMax(),
          Math.min(settings.sequencesMax(), settings.stepTokensMax()),
          0,
          plan.memory().entries(),
          List.of(),
          kvCacheTokens(plan.memory().kvBlocks()));
    }
  }

  private static long kvCacheTokens(int blocks) {
    return (long) blocks * StepPlan.BLOCK_TOKENS;
  }

  private LocalEngine start(
      WorkspaceManifest manifest,
      EngineModel model,
      ModelExecutor executor,
      long startNanos,
      StepListener listener) {
    int sequencesMax = Math.min(settings.sequencesMax(), settings.stepTokensMax());
    SchedulerLimits limits =
        new SchedulerLimits(
            sequencesMax,
            settings.stepTokensMax(),
            settings.stepTokensMax(), // the executor takes logits in pieces of its own size
            executor.kvBlocks(),
            executor.contextTokensMax(),
            settings.prefixCache(),
            executor.sequencesStep(),
            executor.rowsStep());
    EngineInfo info =
        new EngineInfo(
            manifest.modelFingerprint(),
            executor.backend(),
            settings.ranks(),
            executor.contextTokensMax(),
            sequencesMax,
            System.nanoTime() - startNanos,
            executor.memory(),
            executor.loadParts(),
            kvCacheTokens(executor.kvBlocks()));
    int queueSequences = Math.max(QUEUE_MIN, QUEUE_PER_SEQUENCE * sequencesMax);
    return new LocalEngine(
        info, model, executor, limits, queueSequences, settings.stepDeadlineMillis(), listener);
  }

  private EngineText text(Workspace workspace) {
    int contextTokensMax = contextTokensMax(workspace.manifest());
    boolean tokenizer =
        workspace.manifest().textFiles().stream()
            .anyMatch(file -> file.name().equals(TOKENIZER_FILE));
    return tokenizer
        ? ModelText.open(workspace, textSettings, contextTokensMax)
        : new TokenIdsOnly(contextTokensMax);
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
