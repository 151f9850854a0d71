package dev.millrace.engine.schedule;

import dev.millrace.engine.step.StepPlan;
import java.util.Arrays;

/**
 * The blocks of the KV cache: who holds them, and which hold a known prefix.
 *
 * <p>A block is in one of three states: free; held (by one or more sequences); or kept, which is
 * held by nobody but published, so that an equal prefix can take it up again. Kept blocks are given
 * out when no free one is left, least recently held first.
 *
 * <p>A published block stands for its 64 tokens after those of its parent block. It is found by
 * hash and then compared, parent and tokens, so that a hash collision cannot mix two prefixes.
 * Whoever holds a block holds its parents, and gives them back after it: a parent is therefore
 * never given out before its children, and the parent's number names the whole prefix.
 */
final class KvBlocks {
  static final int NONE = -1;
  private static final int BLOCK = StepPlan.BLOCK_TOKENS;

  private final int[] holders; // (blocks)
  private final boolean[] published; // (blocks)
  private final int[] parents; // of published blocks; // (blocks)
  private final long[] hashes; // of published blocks; // (blocks)
  private final int[] tokenIds; // of published blocks; // (blocks, BLOCK)

  private final int[] free; // a stack
  private int freeCount;

  // kept blocks, a ring of links through the extra entry at index "blocks"
  private final int[] older;
  private final int[] newer;
  private int keptCount;

  // published blocks by hash: chains
  private final int[] firstOfBucket;
  private final int[] nextInBucket;

  KvBlocks(int blocks) {
    holders = new int[blocks];
    published = new boolean[blocks];
    parents = new int[blocks];
    hashes = new long[blocks];
    tokenIds = new int[Math.multiplyExact(blocks, BLOCK)];
    free = new int[blocks];
    for (int i = 0; i < blocks; i++) {
      free[i] = blocks - 1 - i;
    }
    freeCount = blocks;
    older = new int[blocks + 1];
    newer = new int[blocks + 1];
    older[blocks] = blocks;
    newer[blocks] = blocks;
    firstOfBucket = new int[Integer.highestOneBit(Math.max(1, blocks)) * 2];
    Arrays.fill(firstOfBucket, NONE);
    nextInBucket = new int[blocks];
  }

  /** The hash of a block's tokens after a prefix of the given hash. */
  static long hash(long before, int[] tokenIds, int offset) {
    long hash = before ^ 0x9E3779B97F4A7C15L;
    for (int i = offset; i < offset + BLOCK; i++) {
      hash = (hash ^ tokenIds[i]) * 0xBF58476D1CE4E5B9L;
      hash ^= hash >>> 29;
    }
    return hash;
  }

  int size() {
    return holders.length;
  }

  /** Blocks that can be had: free and kept ones. */
  int available() {
    return freeCount + keptCount;
  }

  boolean isKept(int block) {
    return holders[block] == 0 && published[block];
  }

  /** A block for new content, held once; {@link #NONE} when all are held. */
  int take() {
    int block;
    if (freeCount > 0) {
      block = free[--freeCount];
    } else if (keptCount > 0) {
      block = newer[size()];
      unlinkKept(block);
      withdraw(block);
    } else {
      return NONE;
    }
    holders[block] = 1;
    return block;
  }

  /** Holds a published block once more. */
  void hold(int block) {
    if (isKept(block)) {
      unlinkKept(block);
    }
    holders[block]++;
  }

  /** Gives back a sequence's blocks, the last one first. */
  void giveBack(int[] table, int count) {
    for (int i = count - 1; i >= 0; i--) {
      giveBack(table[i]);
    }
  }

  private void giveBack(int block) {
    if (holders[block] == 0) {
      throw new IllegalStateException("KV block " + block + " given back, but nobody holds it");
    }
    if (--holders[block] == 0) {
      if (published[block]) {
        linkKept(block);
      } else {
        free[freeCount++] = block;
      }
    }
  }

  /**
   * The published block of these tokens after this parent ({@link #NONE} at the start), or none.
   */
  int find(int parent, long hash, int[] ids, int offset) {
    int block = firstOfBucket[bucket(hash)];
    while (block != NONE) {
      if (hashes[block] == hash
          && parents[block] == parent
          && Arrays.equals(
              tokenIds, block * BLOCK, (block + 1) * BLOCK, ids, offset, offset + BLOCK)) {
        return block;
      }
      block = nextInBucket[block];
    }
    return NONE;
  }

  /**
   * Makes a full, computed block findable. If an equal one is published already, that one is held
   * in its place and this one given back.
   *
   * @return the published block, to stand in the sequence's table
   */
  int publish(int block, int parent, long hash, int[] ids, int offset) {
    int equal = find(parent, hash, ids, offset);
    if (equal != NONE) {
      hold(equal);
      giveBack(block);
      return equal;
    }
    System.arraycopy(ids, offset, tokenIds, block * BLOCK, BLOCK);
    parents[block] = parent;
    hashes[block] = hash;
    published[block] = true;
    nextInBucket[block] = firstOfBucket[bucket(hash)];
    firstOfBucket[bucket(hash)] = block;
    return block;
  }

  private void withdraw(int block) {
    published[block] = false;
    int bucket = bucket(hashes[block]);
    if (firstOfBucket[bucket] == block) {
      firstOfBucket[bucket] = nextInBucket[block];
      return;
    }
    int before = firstOfBucket[bucket];
    while (nextInBucket[before] != block) {
      before = nextInBucket[before];
    }
    nextInBucket[before] = nextInBucket[block];
  }

  private int bucket(long hash) {
    return (int) (hash ^ (hash >>> 32)) & (firstOfBucket.length - 1);
  }

  private void linkKept(int block) {
    int newest = older[size()];
    older[block] = newest;
    newer[block] = size();
    newer[newest] = block;
    older[size()] = block;
    keptCount++;
  }

  private void unlinkKept(int block) {
    newer[older[block]] = newer[block];
    older[newer[block]] = older[block];
    keptCount--;
  }

  /**
   * Checks every invariant against who really holds what.
   *
   * @param expectedHolders holders of each block, counted from the sequences' tables
   * @throws IllegalStateException naming the block that is wrong
   */
  void check(int[] expectedHolders) {
    int[] seen = new int[size()];
    for (int i = 0; i < freeCount; i++) {
      seen[free[i]]++;
      require(!published[free[i]] && holders[free[i]] == 0, free[i], "free, but published or held");
    }
    for (int b = newer[size()]; b != size(); b = newer[b]) {
      seen[b]++;
      require(isKept(b), b, "in the kept list, but not kept");
      for (int other = newer[b]; other != size(); other = newer[other]) {
        require(parents[other] != b, b, "to be given out before its child " + other);
      }
    }
    int available = 0;
    for (int b = 0; b < size(); b++) {
      require(
          holders[b] == expectedHolders[b],
          b,
          "held " + holders[b] + " times, expected " + expectedHolders[b]);
      require(seen[b] == (holders[b] == 0 ? 1 : 0), b, "listed " + seen[b] + " times");
      available += holders[b] == 0 ? 1 : 0;
      if (published[b]) {
        int parent = parents[b];
        require(find(parent, hashes[b], tokenIds, b * BLOCK) == b, b, "published, but not found");
        require(parent == NONE || published[parent], b, "its parent " + parent + " is gone");
        require(parent == NONE || holders[parent] >= holders[b], b, "held without its parent");
      }
    }
    require(available == available(), NONE, "available " + available() + ", counted " + available);
  }

  private static void require(boolean holds, int block, String what) {
    if (!holds) {
      throw new IllegalStateException("KV block " + block + ": " + what);
    }
  }
}
