package dev.millrace.api.workspace;

/**
 * How the outputs of a fused query, key and value projection are ordered: for each key/value head
 * its query heads, then the key head, then the value head.
 *
 * @param kvHeads key/value heads
 * @param groupQueryHeads query heads per key/value head
 * @param headSize outputs per head
 */
public record KvGroups(int kvHeads, int groupQueryHeads, int headSize) {
  public KvGroups {
    if (kvHeads < 1 || groupQueryHeads < 1 || headSize < 1) {
      throw new IllegalArgumentException(
          "kvHeads, groupQueryHeads, headSize: expected at least 1, found "
              + kvHeads
              + ", "
              + groupQueryHeads
              + ", "
              + headSize);
    }
  }

  /** Outputs of one group. */
  public int groupOutputs() {
    return Math.multiplyExact(groupQueryHeads + 2, headSize);
  }

  /** Outputs of all groups. */
  public long outputs() {
    return (long) kvHeads * groupOutputs();
  }

  /** Key/value heads on each of {@code ranks} ranks; replicated where there are more ranks. */
  public int rankKvHeads(int ranks) {
    return Math.max(1, kvHeads / ranks);
  }

  /** Query heads on each of {@code ranks} ranks. */
  public int rankQueryHeads(int ranks) {
    return kvHeads * groupQueryHeads / ranks;
  }

  /** Outputs on each of {@code ranks} ranks. */
  public long rankOutputs(int ranks) {
    return (long) (rankQueryHeads(ranks) + 2 * rankKvHeads(ranks)) * headSize;
  }
}
