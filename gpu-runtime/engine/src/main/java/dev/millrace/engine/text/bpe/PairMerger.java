package dev.millrace.engine.text.bpe;

import java.util.Arrays;

/**
 * Merges the symbols of one word: always the pair of lowest rank, of equal ones the leftmost. Short
 * words scan for it, long ones keep a heap. Holds its scratch memory; not thread-safe.
 */
final class PairMerger {
  private static final int SCAN_MAX = 48;

  private final MergeTable merges;
  private int[] symbols = new int[64];
  private int length;
  private final int[] ranks = new int[SCAN_MAX];

  PairMerger(MergeTable merges) {
    this.merges = merges;
  }

  void clear() {
    length = 0;
  }

  void add(int symbol) {
    if (length == symbols.length) {
      symbols = Arrays.copyOf(symbols, 2 * length);
    }
    symbols[length++] = symbol;
  }

  /** The symbols now, valid up to {@link #length()} until the next call. */
  int[] symbols() {
    return symbols;
  }

  int length() {
    return length;
  }

  void merge() {
    if (length <= SCAN_MAX) {
      mergeShort();
    } else {
      mergeLong();
    }
  }

  private void mergeShort() {
    for (int i = 0; i + 1 < length; i++) {
      ranks[i] = merges.rank(symbols[i], symbols[i + 1]);
    }
    while (length > 1) {
      int best = 0;
      for (int i = 1; i < length - 1; i++) {
        best = ranks[i] < ranks[best] ? i : best;
      }
      if (ranks[best] == MergeTable.NO_MERGE) {
        return;
      }
      symbols[best] = merges.result(ranks[best]);
      length--;
      for (int i = best + 1; i < length; i++) {
        symbols[i] = symbols[i + 1];
        ranks[i - 1] = ranks[i];
      }
      if (best > 0) {
        ranks[best - 1] = merges.rank(symbols[best - 1], symbols[best]);
      }
      if (best < length - 1) {
        ranks[best] = merges.rank(symbols[best], symbols[best + 1]);
      }
    }
  }

  /**
   * A linked list over positions; heap entries that no longer hold are dropped when they surface.
   */
  private void mergeLong() {
    int[] next = new int[length];
    int[] previous = new int[length];
    PairHeap heap = new PairHeap(2 * length);
    for (int i = 0; i < length; i++) {
      previous[i] = i - 1;
      next[i] = i + 1 < length ? i + 1 : -1;
    }
    for (int i = 0; i + 1 < length; i++) {
      push(heap, i, i + 1);
    }
    while (!heap.isEmpty()) {
      long entry = heap.pop();
      int rank = (int) (entry >>> 32);
      int at = (int) entry;
      int right = next[at];
      boolean current =
          symbols[at] >= 0 && right >= 0 && merges.rank(symbols[at], symbols[right]) == rank;
      if (!current) {
        continue;
      }
      symbols[at] = merges.result(rank);
      symbols[right] = -1;
      next[at] = next[right];
      if (next[at] >= 0) {
        previous[next[at]] = at;
        push(heap, at, next[at]);
      }
      if (previous[at] >= 0) {
        push(heap, previous[at], at);
      }
    }
    compact();
  }

  private void push(PairHeap heap, int left, int right) {
    int rank = merges.rank(symbols[left], symbols[right]);
    if (rank != MergeTable.NO_MERGE) {
      heap.push((long) rank << 32 | left);
    }
  }

  private void compact() {
    int kept = 0;
    for (int i = 0; i < length; i++) {
      if (symbols[i] >= 0) {
        symbols[kept++] = symbols[i];
      }
    }
    length = kept;
  }
}
