package dev.millrace.engine.compute;

import dev.millrace.api.engine.KvCacheType;
import java.util.Map;

/**
 * Opens {@link ReferenceBackend}s: plain Java, one thread a rank, weights in their mapped pages.
 */
public final class ReferenceBackendFactory implements BackendFactory {

  @Override
  public String name() {
    return "reference";
  }

  @Override
  public DType activationType() {
    return DType.F32;
  }

  @Override
  public long tensorBytes(DType type, int rows, int width) {
    return (long) rows * width * type.bytes();
  }

  @Override
  public long weightBytes(WeightShape shape) {
    return shape.bytes();
  }

  @Override
  public long kvCacheBytes(int layers, int blocks, HeadLayout heads, KvCacheType type) {
    return BlockedKvCache.bytes(layers, blocks, heads, type);
  }

  @Override
  public long scratchBytes(StepLimits limits, int ranks) {
    return ReferenceBackend.scratchBytes(limits);
  }

  @Override
  public long memoryAvailableBytes(int ranks) {
    return HostMemory.availableBytes();
  }

  @Override
  public boolean mapsWeights() {
    return true;
  }

  @Override
  public Backend open(int rank, int ranks, StepLimits limits, Map<MemoryPurpose, Long> planBytes) {
    return new ReferenceBackend(rank, limits, planBytes);
  }
}
