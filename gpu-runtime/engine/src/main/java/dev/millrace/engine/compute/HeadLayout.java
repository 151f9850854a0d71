package dev.millrace.engine.compute;

/**
 * The attention heads of one rank, and how they lie in a row of queries, keys and values. A row is
 * ordered by key-value head: for each of them its {@code groupSize} query heads, then its key head,
 * then its value head, {@code headSize} elements each.
 *
 * @param kvHeads key-value heads of this rank
 * @param groupSize query heads that share one key-value head
 * @param headSize elements of a head
 */
public record HeadLayout(int kvHeads, int groupSize, int headSize) {

  public HeadLayout {
    if (kvHeads < 1 || groupSize < 1 || headSize < 1) {
      throw new IllegalArgumentException(
          "heads: expected kvHeads, groupSize and headSize of at least 1, found %d, %d, %d"
              .formatted(kvHeads, groupSize, headSize));
    }
  }

  public int queryHeads() {
    return kvHeads * groupSize;
  }

  /** Elements of a row of queries, keys and values. */
  public int qkvWidth() {
    return kvHeads * (groupSize + 2) * headSize;
  }

  /** Elements of a row of attention output: the query heads in order. */
  public int outputWidth() {
    return queryHeads() * headSize;
  }

  /** Where query head {@code head} begins in a row of queries, keys and values. */
  public int queryStart(int head) {
    return (head / groupSize * (groupSize + 2) + head % groupSize) * headSize;
  }

  /** Where key head {@code kvHead} begins. */
  public int keyStart(int kvHead) {
    return (kvHead * (groupSize + 2) + groupSize) * headSize;
  }

  /** Where value head {@code kvHead} begins. */
  public int valueStart(int kvHead) {
    return keyStart(kvHead) + headSize;
  }
}
