package dev.millrace.engine.model;

import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.compute.Allocation;
import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.rank.Collective;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What lives on one rank's thread: its backend and its share of the model. */
final class ModelRank {
  private final Collective collective;
  private final List<Allocation> taken = new ArrayList<>();
  private Optional<Backend> backend = Optional.empty();
  private Optional<DecoderModel> model = Optional.empty();

  ModelRank(Collective collective) {
    this.collective = collective;
  }

  void load(
      Workspace workspace, MemoryPlan plan, BackendFactory backends, LogitTasks.Factory tasks) {
    Backend opened =
        backends.open(collective.rank(), collective.ranks(), plan.limits(), plan.bytes());
    backend = Optional.of(opened);
    model =
        Optional.of(
            new DecoderModel(workspace, plan.shape(), plan, opened, collective, tasks, taken));
    for (MemoryPurpose purpose : MemoryPurpose.values()) {
      long used = opened.memory().takenBytes(purpose);
      if (used != plan.bytes(purpose) && purpose != MemoryPurpose.DRIVER) {
        throw new IllegalStateException(
            "memory for %s: planned %d bytes, took %d: plan and use disagree"
                .formatted(purpose.label(), plan.bytes(purpose), used));
      }
    }
  }

  void submit(StepPlan plan, StepResult result) {
    model.orElseThrow().submit(plan, result);
  }

  boolean acceptsNext() {
    return model.orElseThrow().acceptsNext();
  }

  boolean isUnderWay() {
    return model.orElseThrow().isUnderWay();
  }

  void await() {
    model.orElseThrow().await();
  }

  /** Bytes taken by purpose. */
  Map<MemoryPurpose, Long> takenBytes() {
    Map<MemoryPurpose, Long> bytes = new EnumMap<>(MemoryPurpose.class);
    for (MemoryPurpose purpose : MemoryPurpose.values()) {
      bytes.put(purpose, backend.orElseThrow().memory().takenBytes(purpose));
    }
    return bytes;
  }

  /** Gives back what was taken, however far loading came. Idempotent. */
  void close() {
    if (backend.isEmpty()) {
      return;
    }
    Backend open = backend.get();
    backend = Optional.empty();
    model = Optional.empty();
    for (int i = taken.size() - 1; i >= 0; i--) {
      open.release(taken.remove(i));
    }
    open.close();
  }
}
