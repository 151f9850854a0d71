package dev.millrace.engine.text.bpe;

import java.util.Arrays;
import java.util.List;

/**
 * Which two neighbouring tokens become which one, and how early: a lower rank merges first. An
 * open-addressing table from the pair to its rank. Immutable.
 */
public final class MergeTable {
  /** The rank of a pair that does not merge. */
  static final int NO_MERGE = Integer.MAX_VALUE;

  private static final long EMPTY = -1;

  private final long[] pairs;
  private final int[] ranks;
  private final int[] results;
  private final int mask;
  private final int shift;

  private MergeTable(int merges) {
    int bits = Math.max(4, 33 - Integer.numberOfLeadingZeros(merges));
    pairs = new long[1 << bits];
    Arrays.fill(pairs, EMPTY);
    ranks = new int[1 << bits];
    results = new int[merges];
    mask = (1 << bits) - 1;
    shift = 64 - bits;
  }

  /** One merge as the file writes it. */
  public record Merge(String left, String right) {}

  /**
   * Resolves merges, most important first.
   *
   * @throws IllegalArgumentException if a merge names or makes a token the vocabulary lacks
   */
  public static MergeTable of(List<Merge> merges, Vocabulary vocabulary) {
    MergeTable table = new MergeTable(merges.size());
    for (int rank = 0; rank < merges.size(); rank++) {
      Merge merge = merges.get(rank);
      int left = require(merge.left(), rank, vocabulary);
      int right = require(merge.right(), rank, vocabulary);
      table.results[rank] = require(merge.left().concat(merge.right()), rank, vocabulary);
      table.put(pair(left, right), rank);
    }
    return table;
  }

  private static int require(String token, int rank, Vocabulary vocabulary) {
    int id = vocabulary.id(token);
    if (id < 0) {
      throw new IllegalArgumentException(
          "merge " + rank + " needs the token '" + token + "', which the vocabulary lacks");
    }
    return id;
  }

  int size() {
    return results.length;
  }

  /** The rank of merging two neighbours, or {@link #NO_MERGE}. */
  int rank(int left, int right) {
    long pair = pair(left, right);
    for (int slot = slot(pair); ; slot = slot + 1 & mask) {
      if (pairs[slot] == pair) {
        return ranks[slot];
      }
      if (pairs[slot] == EMPTY) {
        return NO_MERGE;
      }
    }
  }

  /** The token that the merge of a rank makes. */
  int result(int rank) {
    return results[rank];
  }

  private void put(long pair, int rank) {
    int slot = slot(pair);
    while (pairs[slot] != EMPTY && pairs[slot] != pair) {
      slot = slot + 1 & mask;
    }
    pairs[slot] = pair;
    ranks[slot] =
        rank; // a pair listed twice counts at its last place, as in the tokenizers library
  }

  private static long pair(int left, int right) {
    return (long) left << 32 | right;
  }

  private int slot(long pair) {
    return (int) (pair * 0x9E3779B97F4A7C15L >>> shift);
  }
}
