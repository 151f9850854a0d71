package dev.millrace.engine.compute;

import dev.millrace.api.engine.KvCacheType;
import java.util.Map;

/** A factory like another one, for tests that change some of its answers. */
public abstract class ForwardingBackendFactory implements BackendFactory {
  private final BackendFactory real;

  protected ForwardingBackendFactory(BackendFactory real) {
    this.real = real;
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
    return real.memoryAvailableBytes(ranks);
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
