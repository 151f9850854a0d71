package dev.millrace.cuda;

import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.LoadPart;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.model.LogitTasks;
import dev.millrace.engine.model.ModelExecutor;
import dev.millrace.engine.model.RankedExecutor;
import dev.millrace.engine.rank.Collective;
import dev.millrace.engine.rank.HeapCollective;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Carries out step plans on one or more GPUs, draws included. One thread at a time gives plans. */
public final class CudaExecutor implements ModelExecutor {
  private final CudaBackendFactory backends;
  private final RankedExecutor ranks;
  private final List<CudaLogitTasks> logitTasks;
  private final List<LoadPart> loadParts;
  private boolean closed;

  private CudaExecutor(
      CudaBackendFactory backends,
      RankedExecutor ranks,
      List<CudaLogitTasks> logitTasks,
      List<LoadPart> loadParts) {
    this.backends = backends;
    this.ranks = ranks;
    this.logitTasks = logitTasks;
    this.loadParts = loadParts;
  }

  /**
   * Loads a model onto GPUs.
   *
   * @param devices the GPU of each rank; the same one several times puts several ranks on it
   * @throws EngineException if a GPU, driver or library is missing, the model cannot be run, or a
   *     rank failed to load it; with what to do
   * @throws dev.millrace.api.engine.DoesNotFitException if memory does not suffice, with the sizes
   */
  public static CudaExecutor open(
      Workspace workspace, EngineSettings settings, List<Integer> devices) {
    return open(workspace, settings, devices, Optional.empty());
  }

  /**
   * {@link #open} with a look at some of the steps.
   *
   * @param profile takes the times of verbs; nothing is recorded or replayed then
   */
  static CudaExecutor open(
      Workspace workspace,
      EngineSettings settings,
      List<Integer> devices,
      Optional<VerbTimes> profile) {
    CudaSettings cuda =
        new CudaSettings(
            devices,
            Duration.ofMillis(settings.stepDeadlineMillis()),
            true,
            settings.deviceMemoryBytes());
    return open(workspace, settings, cuda, profile);
  }

  static CudaExecutor open(Workspace workspace, EngineSettings settings, CudaSettings cuda) {
    return open(workspace, settings, cuda, Optional.empty());
  }

  private static CudaExecutor open(
      Workspace workspace,
      EngineSettings settings,
      CudaSettings cuda,
      Optional<VerbTimes> profile) {
    long start = System.nanoTime();
    CudaParts parts;
    try {
      parts = CudaParts.open();
    } catch (CudaException e) {
      throw new EngineException("no GPU can be used: " + e.getMessage(), e);
    }
    LoadPart opened = new LoadPart("driver and libraries", System.nanoTime() - start, 0);
    CudaBackendFactory backends = new CudaBackendFactory(parts, cuda, profile);
    List<Collective> collectives = new ArrayList<>();
    HeapCollective.group(cuda.ranks(), cuda.deadline())
        .forEach(host -> collectives.add(collective(backends, host, profile.isPresent())));
    List<CudaLogitTasks> logitTasks = new ArrayList<>();
    int vocabulary = workspace.manifest().shape().vocabularySize();
    LogitTasks.Factory tasks =
        (backend, collective, gathered) ->
            logitTasks(backends, collective, gathered, vocabulary, logitTasks);
    try {
      RankedExecutor ranks = RankedExecutor.open(workspace, settings, backends, collectives, tasks);
      List<LoadPart> loadParts =
          List.of(opened, backends.awaitKernels(), backends.backend(0).uploaded());
      return new CudaExecutor(backends, ranks, logitTasks, loadParts);
    } catch (RuntimeException e) {
      try {
        logitTasks.forEach(CudaLogitTasks::close);
        backends.close();
      } catch (RuntimeException other) {
        e.addSuppressed(other);
      }
      throw e;
    }
  }

  private static Collective collective(
      CudaBackendFactory backends, Collective host, boolean profiled) {
    Collective collective = new CudaCollective(backends, host);
    return profiled ? new ProfilingCollective(backends, collective) : collective;
  }

  private static LogitTasks logitTasks(
      CudaBackendFactory backends,
      Collective collective,
      Tensor gathered,
      int vocabulary,
      List<CudaLogitTasks> opened) {
    CudaBackend backend = backends.backend(collective.rank());
    // the last of loading: what cannot be compiled or read fails here, not in a step
    backends.awaitKernels();
    backend.loadKernels();
    backend.finishUploads();
    CudaLogitTasks tasks =
        new CudaLogitTasks(
            backend,
            backends.exchange(),
            collective,
            (CudaTensor) gathered,
            vocabulary,
            backend.layout().limits());
    synchronized (opened) {
      opened.add(tasks);
    }
    ProfilingBackend profiler = backends.profiler(collective.rank());
    if (profiler == null) {
      return tasks;
    }
    return (plan, first, rows, logits, result) ->
        profiler.timedOnce("draws", () -> tasks.run(plan, first, rows, logits, result));
  }

  @Override
  public int kvBlocks() {
    return ranks.kvBlocks();
  }

  @Override
  public String backend() {
    return ranks.backend();
  }

  @Override
  public int contextTokensMax() {
    return ranks.contextTokensMax();
  }

  @Override
  public List<MemoryEntry> memory() {
    return ranks.memory();
  }

  @Override
  public List<LoadPart> loadParts() {
    return loadParts;
  }

  @Override
  public StepResult execute(StepPlan plan) {
    return ranks.execute(plan);
  }

  /** Idempotent. */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    // What the ranks use outlives them: where one hangs and does not end, this throws, and memory
    // that its kernels may still touch is left to the end of the process.
    ranks.close();
    backends.use();
    logitTasks.forEach(CudaLogitTasks::close);
    backends.close();
  }
}
