package dev.millrace.engine.compute;

import dev.millrace.engine.step.StepPlan;

/**
 * Keys and values as float32 in the Java heap, one array a layer and block: (kvHeads, 2, 64,
 * headSize), keys before values.
 */
final class BlockedKvCache implements KvCache {
  private final String name;
  private final HeadLayout heads;
  private final int blocks;
  private final float[][][] values; // (layers)(blocks)

  BlockedKvCache(String name, int layers, int blocks, HeadLayout heads) {
    this.name = name;
    this.heads = heads;
    this.blocks = blocks;
    values = new float[layers][blocks][blockElements(heads)];
  }

  static long bytes(int layers, int blocks, HeadLayout heads) {
    return (long) layers * blocks * blockElements(heads) * Float.BYTES;
  }

  private static int blockElements(HeadLayout heads) {
    return Math.multiplyExact(heads.kvHeads() * 2 * StepPlan.BLOCK_TOKENS, heads.headSize());
  }

  float[] block(int layer, int block) {
    return values[layer][block];
  }

  /** Where the key of one head at one position begins in its block. */
  int keyStart(int kvHead, int position) {
    return (kvHead * 2 * StepPlan.BLOCK_TOKENS + position % StepPlan.BLOCK_TOKENS)
        * heads.headSize();
  }

  /** Where the value of one head at one position begins in its block. */
  int valueStart(int kvHead, int position) {
    return keyStart(kvHead, position) + StepPlan.BLOCK_TOKENS * heads.headSize();
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public MemoryPurpose purpose() {
    return MemoryPurpose.KV_CACHE;
  }

  @Override
  public long bytes() {
    return bytes(layers(), blocks, heads);
  }

  @Override
  public int layers() {
    return values.length;
  }

  @Override
  public int blocks() {
    return blocks;
  }

  @Override
  public HeadLayout heads() {
    return heads;
  }
}
