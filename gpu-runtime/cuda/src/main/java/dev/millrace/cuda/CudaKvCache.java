package dev.millrace.cuda;

import dev.millrace.api.engine.KvCacheType;
import dev.millrace.cuda.device.DeviceArena;
import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.compute.KvCache;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.step.StepPlan;

/**
 * Keys and values in device memory, in bf16 or 8 bits; {@code pages.cuh} and {@code pages8.cuh} say
 * how they lie. A block is a page.
 */
record CudaKvCache(
    String name, int layers, int blocks, HeadLayout heads, KvCacheType type, long address)
    implements KvCache {

  /** Largest head the kernels know. */
  static final int HEAD_SIZE_MAX = 128;

  static long bytes(int layers, int blocks, HeadLayout heads, KvCacheType type) {
    return DeviceArena.pieceBytes(blocks * pageBytes(layers, heads, type));
  }

  /** Elements a head takes: its size rounded up to 64 or 128. */
  static int headPitch(HeadLayout heads) {
    return heads.headSize() <= 64 ? 64 : 128;
  }

  /** Bytes of one head in a page: keys, values, scales. */
  static int headBytes(HeadLayout heads, KvCacheType type) {
    int tokenBytes = type.isEightBit() ? headPitch(heads) + Float.BYTES : 2 * headPitch(heads);
    return 2 * StepPlan.BLOCK_TOKENS * tokenBytes;
  }

  private static long pageBytes(int layers, HeadLayout heads, KvCacheType type) {
    return layers * layerBytes(heads, type);
  }

  private static long layerBytes(HeadLayout heads, KvCacheType type) {
    return (long) heads.kvHeads() * headBytes(heads, type);
  }

  /** What names of kernels end in that read or write it. */
  String kernelSuffix() {
    return type.isEightBit() ? "_" + type.label() : "";
  }

  /** Bytes from a page to the next. */
  long pageStride() {
    return pageBytes(layers, heads, type);
  }

  /** Where a layer begins in page 0. */
  long layerAddress(int layer) {
    return address + layer * layerBytes(heads, type);
  }

  @Override
  public MemoryPurpose purpose() {
    return MemoryPurpose.KV_CACHE;
  }

  @Override
  public long bytes() {
    return bytes(layers, blocks, heads, type);
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
