package dev.millrace.engine.compute;

import dev.millrace.api.engine.KvCacheType;
import dev.millrace.engine.compute.kernel.KernelChoice;
import java.util.Map;

/**
 * Opens {@link CpuBackend}s. The ranks of a machine share its cores: each has as many threads, its
 * own included, as there are cores for it, and at least one.
 */
public final class CpuBackendFactory implements BackendFactory {
  private final KernelChoice kernels;
  private final int cores;

  /** The fastest kernels of this JVM, on all its cores. */
  public CpuBackendFactory() {
    this(KernelChoice.fastest(), Runtime.getRuntime().availableProcessors());
  }

  /**
   * @param kernels which arithmetic
   * @param cores that all ranks together keep busy; at least 1
   */
  public CpuBackendFactory(KernelChoice kernels, int cores) {
    if (cores < 1) {
      throw new IllegalArgumentException("expected at least 1 core, found " + cores);
    }
    this.kernels = kernels;
    this.cores = cores;
  }

  private int workers(int ranks) {
    return Math.max(1, cores / ranks);
  }

  /** For example {@code cpu-vector-512}. */
  @Override
  public String name() {
    return "cpu-" + kernels.create().name();
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
    return CpuWeight.bytes(shape);
  }

  @Override
  public long kvCacheBytes(int layers, int blocks, HeadLayout heads, KvCacheType type) {
    return BlockedKvCache.bytes(layers, blocks, heads, type);
  }

  @Override
  public long scratchBytes(StepLimits limits, int ranks) {
    return CpuBackend.scratchBytes(limits, workers(ranks));
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
    return new CpuBackend(kernels, rank, workers(ranks), limits, planBytes);
  }
}
