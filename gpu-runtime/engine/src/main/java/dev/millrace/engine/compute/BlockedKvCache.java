package dev.millrace.engine.compute;

import dev.millrace.api.engine.KvCacheType;
import dev.millrace.engine.step.StepPlan;

/**
 * Keys and values in the Java heap, one array a layer and block: (kvHeads, 2, 64, headSize), keys
 * before values. Float32, or numbers of 8 bits and beside them their scales: (kvHeads, 2, 64).
 */
final class BlockedKvCache implements KvCache {
  private static final float[][][] NONE = {};

  private final String name;
  private final int layers;
  private final HeadLayout heads;
  private final int blocks;
  private final KvCacheType type;
  private final float[][][] values; // (layers)(blocks)
  private final byte[][][] codes; // (layers)(blocks)
  private final float[][][] scales; // (layers)(blocks)

  BlockedKvCache(String name, int layers, int blocks, HeadLayout heads, KvCacheType type) {
    this.name = name;
    this.layers = layers;
    this.heads = heads;
    this.blocks = blocks;
    this.type = type;
    boolean narrow = type.isEightBit();
    values = narrow ? NONE : new float[layers][blocks][blockElements(heads)];
    codes = narrow ? new byte[layers][blocks][blockElements(heads)] : new byte[0][][];
    scales = narrow ? new float[layers][blocks][blockScales(heads)] : NONE;
  }

  static long bytes(int layers, int blocks, HeadLayout heads, KvCacheType type) {
    long blockBytes =
        type.isEightBit()
            ? blockElements(heads) + (long) blockScales(heads) * Float.BYTES
            : (long) blockElements(heads) * Float.BYTES;
    return (long) layers * blocks * blockBytes;
  }

  private static int blockElements(HeadLayout heads) {
    return Math.multiplyExact(blockScales(heads), heads.headSize());
  }

  private static int blockScales(HeadLayout heads) {
    return heads.kvHeads() * 2 * StepPlan.BLOCK_TOKENS;
  }

  /** Float32 keys and values of a block. */
  float[] block(int layer, int block) {
    return values[layer][block];
  }

  /** Keys and values of a block in 8 bits. */
  byte[] codes(int layer, int block) {
    return codes[layer][block];
  }

  float[] scales(int layer, int block) {
    return scales[layer][block];
  }

  /** Where the scales of one head's 64 keys begin in its block; those of its values follow. */
  static int scaleStart(int kvHead) {
    return kvHead * 2 * StepPlan.BLOCK_TOKENS;
  }

  /** Where the key of one head at one position begins in its block. */
  int keyStart(int kvHead, int position) {
    return (scaleStart(kvHead) + position % StepPlan.BLOCK_TOKENS) * heads.headSize();
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
    return bytes(layers, blocks, heads, type);
  }

  @Override
  public int layers() {
    return layers;
  }

  @Override
  public int blocks() {
    return blocks;
  }

  @Override
  public HeadLayout heads() {
    return heads;
  }

  @Override
  public KvCacheType type() {
    return type;
  }
}
