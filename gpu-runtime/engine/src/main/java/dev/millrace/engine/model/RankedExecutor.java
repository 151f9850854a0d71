package dev.millrace.engine.model;

import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.rank.Collective;
import dev.millrace.engine.rank.HeapCollective;
import dev.millrace.engine.rank.RankFailedException;
import dev.millrace.engine.rank.RankGroup;
import dev.millrace.engine.rank.RankGroup.RankWork;
import dev.millrace.engine.step.LogitSampler;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/**
 * Carries out step plans on a group of ranks: publishes a plan to all of them, waits for all of
 * them, and gives their common result. With nothing to do the ranks are parked. One thread at a
 * time gives plans.
 */
public final class RankedExecutor implements ModelExecutor {
  /** Loading reads every weight a backend copies: minutes for the largest, from a slow disk. */
  private static final Duration LOAD_DEADLINE = Duration.ofHours(1);

  private static final Duration CLOSE_DEADLINE = Duration.ofMinutes(1);

  private final String backend;
  private final MemoryPlan plan;
  private final PlanCheck check;
  private final Duration stepDeadline;
  private final RankGroup group;
  private final List<Collective> collectives;
  private final List<ModelRank> ranks = new ArrayList<>();
  private final List<MemoryEntry> memory;
  private final Deque<StepResult> underWay = new ArrayDeque<>();
  private long steps; // whose result was taken
  private boolean failed;
  private boolean closed;

  private RankedExecutor(
      Workspace workspace,
      EngineSettings settings,
      BackendFactory backends,
      List<Collective> collectives,
      LogitTasks.Factory logitTasks) {
    this.collectives = collectives;
    backend = backends.name();
    stepDeadline = Duration.ofMillis(settings.stepDeadlineMillis());
    plan = MemoryPlan.of(workspace.manifest(), settings, backends);
    check = new PlanCheck(plan.limits(), plan.kvBlocks(), plan.shape().vocabulary());
    collectives.forEach(collective -> ranks.add(new ModelRank(collective)));
    group = new RankGroup("millrace", collectives.size());
    try {
      run(
          "loading",
          rank -> ranks.get(rank).load(workspace, plan, backends, logitTasks),
          LOAD_DEADLINE);
      memory = plan.entries(ranks.get(0).takenBytes());
    } catch (RuntimeException e) {
      closeAfter(e);
      throw e;
    }
  }

  /**
   * Loads a model onto a group of ranks.
   *
   * @param collectives the ends of a group of {@code settings.ranks()} ranks, in order, whose waits
   *     are at most as long as a step's deadline
   * @param logitTasks makes the end of a step
   * @throws EngineException if the model cannot be run, or a rank failed to load it (its own error
   *     is the cause)
   * @throws dev.millrace.api.engine.DoesNotFitException if memory does not suffice, with the sizes
   */
  public static RankedExecutor open(
      Workspace workspace,
      EngineSettings settings,
      BackendFactory backends,
      List<Collective> collectives,
      LogitTasks.Factory logitTasks) {
    if (collectives.size() != settings.ranks()) {
      throw new IllegalArgumentException(
          "collectives: expected one for each of %d ranks, found %d"
              .formatted(settings.ranks(), collectives.size()));
    }
    return new RankedExecutor(workspace, settings, backends, collectives, logitTasks);
  }

  /** {@link #open} with ranks that exchange through this process's heap and sample on the host. */
  public static RankedExecutor openOnHost(
      Workspace workspace,
      EngineSettings settings,
      BackendFactory backends,
      Supplier<LogitSampler> sampler) {
    return open(
        workspace,
        settings,
        backends,
        HeapCollective.group(settings.ranks(), Duration.ofMillis(settings.stepDeadlineMillis())),
        (backend, collective, gathered) ->
            new HostLogitTasks(backend, collective, gathered, sampler));
  }

  @Override
  public int kvBlocks() {
    return plan.kvBlocks();
  }

  @Override
  public String backend() {
    return backend;
  }

  @Override
  public int contextTokensMax() {
    return plan.contextTokensMax();
  }

  @Override
  public List<MemoryEntry> memory() {
    return memory;
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalArgumentException if the plan is beyond what was planned for, or contradicts
   *     itself; nothing was computed and the executor is as before
   */
  @Override
  public void submit(StepPlan step) {
    requireUsable();
    if (underWay.size() > 1 || (underWay.size() == 1 && !acceptsNext())) {
      throw new IllegalStateException("a step is under way, and the next cannot follow yet");
    }
    StepResult before = underWay.peekLast();
    check.check(step, before == null ? 0 : before.tokenIds().length);
    int tasks = step.logitTasks().size();
    StepResult result =
        new StepResult(new int[tasks], new float[tasks], new int[tasks][], new float[tasks][]);
    run(
        "step " + (steps + underWay.size()),
        rank -> ranks.get(rank).submit(step, result),
        stepDeadline);
    underWay.addLast(result);
  }

  @Override
  public boolean acceptsNext() {
    return underWay.size() == 1 && ranks.get(0).acceptsNext();
  }

  @Override
  public StepResult await() {
    requireUsable();
    if (underWay.isEmpty()) {
      throw new IllegalStateException("no step is under way");
    }
    if (ranks.get(0).isUnderWay()) { // no rank is woken for work that submitting has done
      run("step " + steps, rank -> ranks.get(rank).await(), stepDeadline);
    }
    steps++;
    return underWay.removeFirst();
  }

  private void requireUsable() {
    if (failed || closed) {
      throw new EngineException(
          "step %d: the executor %s".formatted(steps, closed ? "is closed" : "has failed before"));
    }
  }

  /** Runs work on all ranks; the first error of any of them ends the waits of the others. */
  private void run(String what, RankWork work, Duration deadline) {
    try {
      group.run(
          rank -> {
            try {
              work.run(rank);
            } catch (Throwable e) {
              collectives.get(rank).poison(e);
              throw e;
            }
          },
          deadline);
    } catch (RankFailedException e) {
      failed = true;
      throw new EngineException(what + ": " + e.getMessage(), e.getCause());
    } catch (TimeoutException e) {
      failed = true;
      collectives.get(0).poison(e);
      throw new EngineException(what + ": " + e.getMessage(), e);
    }
  }

  private void closeAfter(RuntimeException error) {
    try {
      close();
    } catch (RuntimeException e) {
      error.addSuppressed(e);
    }
  }

  /**
   * Gives everything back and ends the ranks. Idempotent.
   *
   * @throws EngineException if a rank did not give everything back, listing it, or hangs
   */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    try (group) {
      group.run(rank -> ranks.get(rank).close(), CLOSE_DEADLINE);
    } catch (RankFailedException e) {
      throw new EngineException("closing: " + e.getMessage(), e.getCause());
    } catch (TimeoutException | IllegalStateException e) {
      throw new EngineException("closing: " + e.getMessage(), e);
    }
  }
}
