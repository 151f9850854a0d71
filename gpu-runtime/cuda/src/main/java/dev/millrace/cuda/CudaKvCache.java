package dev.millrace.cuda;

import dev.millrace.cuda.device.DeviceArena;
import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.compute.KvCache;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.step.StepPlan;

/**
 * Keys and values in device memory, in bf16; {@code pages.cuh} says how they lie. A block is a
 * page.
 */
record CudaKvCache(String name, int layers, int blocks, HeadLayout heads, long address)
    implements KvCache {

  /** Largest head the kernels know. */
  static final int HEAD_SIZE_MAX = 128;

  static long bytes(int layers, int blocks, HeadLayout heads) {
    return DeviceArena.pieceBytes(blocks * pageBytes(layers, heads));
  }

  /** Elements a head takes: its size rounded up to 64 or 128. */
  static int headPitch(HeadLayout heads) {
    return heads.headSize() <= 64 ? 64 : 128;
  }

  /** Bytes of the keys, or the values, of one head in a page. */
  static int headBytes(HeadLayout heads) {
    return StepPlan.BLOCK_TOKENS * headPitch(heads) * 2;
  }

  private static long pageBytes(int layers, HeadLayout heads) {
    return layers * layerBytes(heads);
  }

  private static long layerBytes(HeadLayout heads) {
    return (long) heads.kvHeads() * 2 * headBytes(heads);
  }

  /** Bytes from a page to the next. */
  long pageStride() {
    return pageBytes(layers, heads);
  }

  /** Where a layer begins in page 0. */
  long layerAddress(int layer) {
    return address + layer * layerBytes(heads);
  }

  @Override
  public MemoryPurpose purpose() {
    return MemoryPurpose.KV_CACHE;
  }

  @Override
  public long bytes() {
    return bytes(layers, blocks, heads);
  }

  @Override
  public boolean equals(Object other) {
    return this == other;
  }

  @Override
  public int hashCode() {
    return System.identityHashCode(this);
  }
}
