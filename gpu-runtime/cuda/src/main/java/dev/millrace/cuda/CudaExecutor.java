package dev.millrace.cuda;

import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.LoadPart;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.engine.compute.MemoryPurpose;
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
            settings.deviceMemoryBytes(),
            settings.batchInvariant());
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
    List<Collective> hosts = HeapCollective.group(cuda.ranks(), cuda.deadline());
    return open(workspace, settings, cuda, profile, new Shared(parts, opened, hosts));
  }

  /**
   * What the ranks of an executor share on the host.
   *
   * @param parts driver and libraries
   * @param opened how long these took
   * @param hosts how the ranks' threads meet
   */
  record Shared(CudaParts parts, LoadPart opened, List<Collective> hosts) {
    Shared {
      hosts = List.copyOf(hosts);
    }
  }

  static CudaExecutor open(
      Workspace workspace,
      EngineSettings settings,
      CudaSettings cuda,
      Optional<VerbTimes> profile,
      Shared shared) {
    CudaBackendFactory backends = new CudaBackendFactory(shared.parts(), cuda, profile);
    List<Collective> collectives = new ArrayList<>();
    shared
        .hosts()
        .forEach(host -> collectives.add(collective(backends, host, profile.isPresent())));
    List<CudaLogitTasks> logitTasks = new ArrayList<>();
    int vocabulary = workspace.manifest().shape().vocabularySize();
    LogitTasks.Factory tasks =
        (backend, collective, gathered) ->
            logitTasks(backends, collective, gathered, vocabulary, logitTasks);
    try {
      backends.adapt(workspace.manifest(), settings);
      RankedExecutor ranks = RankedExecutor.open(workspace, settings, backends, collectives, tasks);
      List<LoadPart> loadParts =
          List.of(shared.opened(), backends.awaitKernels(), backends.backend(0).uploaded());
      return new CudaExecutor(backends, ranks, logitTasks, loadParts);
    } catch (RuntimeException e) {
      // outside the ranks, while planning: a GPU that an earlier fault took from this process, say
      RuntimeException error =
          e instanceof CudaException
              ? new EngineException("the GPU cannot be used: " + e.getMessage(), e)
              : e;
      try {
        logitTasks.forEach(CudaLogitTasks::close);
        backends.close();
      } catch (RuntimeException other) {
        error.addSuppressed(other);
      }
      throw error;
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
    return new ProfilingLogitTasks(profiler, tasks);
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
  public int sequencesStep() {
    return backends.unpacksInt4() ? Int4Matmul.ROWS_STEP : 1;
  }

  @Override
  public int rowsStep() {
    return backends.settings().records() ? CudaBatch.ROWS_MULTIPLE : 1;
  }

  @Override
  public List<MemoryEntry> memory() {
    long driverBytes = backends.driverBytesNow();
    return ranks.memory().stream()
        .map(
            entry ->
                entry.purpose().equals(MemoryPurpose.DRIVER.label())
                    ? new MemoryEntry(entry.purpose(), entry.plannedBytes(), driverBytes)
                    : entry)
        .toList();
  }

  @Override
  public List<LoadPart> loadParts() {
    return loadParts;
  }

  @Override
  public void submit(StepPlan plan) {
    ranks.submit(plan);
  }

  @Override
  public boolean acceptsNext() {
    return ranks.acceptsNext();
  }

  @Override
  public StepResult await() {
    return ranks.await();
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
