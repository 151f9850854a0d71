package dev.millrace.cuda;

import dev.millrace.api.engine.DoesNotFitException;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.KvCacheType;
import dev.millrace.api.workspace.StorageType;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.cuda.device.CudaException;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.compute.StepLimits;
import dev.millrace.engine.compute.WeightShape;
import dev.millrace.engine.model.MemoryPlan;
import java.util.List;

/** What backends on GPUs take, for a plan: needs no GPU but to ask what is free on one. */
abstract class CudaSizes implements BackendFactory {
  /** What a context takes of a GPU before anything is asked of it. */
  static final long CONTEXT_BYTES = 520L << 20;

  /**
   * What it grows by: kernels of ours and of cuBLASLt, recordings. 15 to 46 MiB were seen, with the
   * smallest models and with a Qwen2.5-7B at every size of step.
   */
  private static final long KERNELS_BYTES = 30L << 20;

  private static final int OUT_OF_MEMORY = 2;

  private static final double EXPANDED_KV_SHARE_MIN = 0.75;

  /** Left free beside the plan: the driver takes memory in large pieces. */
  private static final long SPARE_BYTES = 256L << 20;

  private final List<Integer> devices;
  private final long deviceMemoryBytes;
  private boolean expandsInt4;
  private boolean unpacksInt4;

  /**
   * @param devices the GPU of each rank
   * @param deviceMemoryBytes memory of each GPU to plan with; 0 for what is free on it
   */
  CudaSizes(List<Integer> devices, long deviceMemoryBytes) {
    this.devices = List.copyOf(devices);
    this.deviceMemoryBytes = deviceMemoryBytes;
  }

  /**
   * Decides whether int4 weights are kept as bf16 too, which steps of many rows are faster with:
   * where the KV cache then still gets most of the blocks that it would have.
   */
  final void adapt(WorkspaceManifest manifest, EngineSettings settings) {
    boolean int4 = manifest.tensors().stream().anyMatch(t -> t.storage() == StorageType.INT4);
    expandsInt4 = int4 && hasRoomToExpand(manifest, settings);
    unpacksInt4 = int4 && !expandsInt4;
  }

  private boolean hasRoomToExpand(WorkspaceManifest manifest, EngineSettings settings) {
    int blocks = kvBlocks(manifest, settings, false);
    try {
      return kvBlocks(manifest, settings, true) >= EXPANDED_KV_SHARE_MIN * blocks;
    } catch (DoesNotFitException e) {
      return false;
    }
  }

  private int kvBlocks(WorkspaceManifest manifest, EngineSettings settings, boolean expanded) {
    expandsInt4 = expanded;
    return MemoryPlan.of(manifest, settings, this).kvBlocks();
  }

  final boolean expandsInt4() {
    return expandsInt4;
  }

  /** Whether products unpack int4 weights as they go. */
  final boolean unpacksInt4() {
    return unpacksInt4;
  }

  /** Bytes of a GPU that are free now. */
  abstract long freeBytes(int ordinal);

  @Override
  public String name() {
    return "cuda";
  }

  @Override
  public DType activationType() {
    return DType.BF16;
  }

  /** Float32: the sum over all layers is where bf16 would lose most. */
  @Override
  public DType residualType() {
    return DType.F32;
  }

  @Override
  public long tensorBytes(DType type, int rows, int width) {
    return CudaTensor.bytes(type, rows, width);
  }

  @Override
  public long weightBytes(WeightShape shape) {
    return CudaWeight.bytes(shape, expandsInt4);
  }

  @Override
  public long kvCacheBytes(int layers, int blocks, HeadLayout heads, KvCacheType type) {
    return CudaKvCache.bytes(layers, blocks, heads, type);
  }

  @Override
  public long scratchBytes(StepLimits limits, int ranks) {
    return Scratch.bytes(limits, ranks);
  }

  @Override
  public double kvCacheShare() {
    return 0.95;
  }

  @Override
  public int logitRowsMax() {
    return 1024;
  }

  @Override
  public long logitBytesMax() {
    return 1L << 30;
  }

  @Override
  public boolean mapsWeights() {
    return false;
  }

  /** Ranks that share a device share its context. */
  @Override
  public long driverBytes() {
    return (CONTEXT_BYTES + KERNELS_BYTES)
        / devices.stream().mapToLong(this::sharing).min().orElseThrow();
  }

  /** Ranks on a device. */
  long sharing(int ordinal) {
    return devices.stream().filter(other -> other == ordinal).count();
  }

  /**
   * What the fullest device can give each of its ranks, for all ranks; its context included, which
   * is there by the time its free memory is asked for.
   */
  @Override
  public long memoryAvailableBytes(int ranks) {
    long least = Long.MAX_VALUE;
    for (int ordinal : devices) {
      long given = deviceMemoryBytes > 0 ? deviceMemoryBytes : availableBytes(ordinal);
      least = Math.min(least, Math.max(0, given - SPARE_BYTES) / sharing(ordinal));
    }
    return least * ranks;
  }

  private long availableBytes(int ordinal) {
    try {
      return freeBytes(ordinal) + CONTEXT_BYTES;
    } catch (CudaException e) {
      if (e.code() == OUT_OF_MEMORY) {
        return 0; // not even a context fits
      }
      throw e;
    }
  }
}
