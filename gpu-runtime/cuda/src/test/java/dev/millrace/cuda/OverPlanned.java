package dev.millrace.cuda;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.KvCacheType;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.compute.StepLimits;
import dev.millrace.engine.compute.WeightShape;
import dev.millrace.engine.model.RankedExecutor;
import dev.millrace.engine.rank.HeapCollective;
import java.time.Duration;
import java.util.Map;

/** Backends on a GPU that plan with 1 TiB more than is free. */
record OverPlanned(BackendFactory real) implements BackendFactory {
  private static final long MORE_BYTES = 1L << 40;

  /** Opens a model with a cache that was planned into memory that is not there. */
  static void open(Workspace workspace, BackendFactory real) {
    EngineSettings settings =
        new EngineSettings("cuda", 1, 8, 64, MORE_BYTES / 2, 0, true, 0, 20_000);
    RankedExecutor.open(
            workspace,
            settings,
            new OverPlanned(real),
            HeapCollective.group(1, Duration.ofSeconds(20)),
            (backend, collective, gathered) -> (first, rows, logits) -> {})
        .close();
  }

  @Override
  public String name() {
    return real.name();
  }

  @Override
  public DType activationType() {
    return real.activationType();
  }

  @Override
  public DType residualType() {
    return real.residualType();
  }

  @Override
  public long tensorBytes(DType type, int rows, int width) {
    return real.tensorBytes(type, rows, width);
  }

  @Override
  public long weightBytes(WeightShape shape) {
    return real.weightBytes(shape);
  }

  @Override
  public long kvCacheBytes(int layers, int blocks, HeadLayout heads, KvCacheType type) {
    return real.kvCacheBytes(layers, blocks, heads, type);
  }

  @Override
  public long scratchBytes(StepLimits limits, int ranks) {
    return real.scratchBytes(limits, ranks);
  }

  @Override
  public long driverBytes() {
    return real.driverBytes();
  }

  @Override
  public long memoryAvailableBytes(int ranks) {
    return real.memoryAvailableBytes(ranks) + MORE_BYTES;
  }

  @Override
  public boolean mapsWeights() {
    return real.mapsWeights();
  }

  @Override
  public Backend open(int rank, int ranks, StepLimits limits, Map<MemoryPurpose, Long> planBytes) {
    return real.open(rank, ranks, limits, planBytes);
  }
}
