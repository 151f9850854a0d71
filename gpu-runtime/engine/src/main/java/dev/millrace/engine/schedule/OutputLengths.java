package dev.millrace.engine.schedule;

import java.util.Arrays;
import java.util.List;

/**
 * Learns from finished and from running sequences how long others will get, so that admission can
 * count on less than their maximum. A wrong guess costs a missed step or a recomputation, never a
 * token.
 *
 * <p>The share of sequences that are longer than a length is estimated as by E. L. Kaplan and P.
 * Meier, Nonparametric Estimation from Incomplete Observations (1958): a running sequence counts as
 * one that is at least as long as it is now. The short ones finish first, and without the running
 * ones would pass for all there are.
 */
final class OutputLengths {
  private static final int REMEMBERED = 2048;
  private static final int REFRESH = 16;

  /** Sequences are expected to end within so many tokens beyond the longest seen. */
  private static final int UNKNOWN = 1024;

  private final int[] finished = new int[REMEMBERED];
  private int count;
  private int fresh;

  /** Lengths at which sequences ended, the shortest first; the last stands for all beyond. */
  private int[] ends = {UNKNOWN};

  /** Share of sequences that are longer than the length before the one of the same index. */
  private double[] longer = {1};

  private int lengths = 1;

  void add(int outputTokens) {
    finished[count++ % REMEMBERED] = outputTokens;
    if (count == 2 * REMEMBERED) {
      count = REMEMBERED;
    }
    fresh++;
  }

  /** Takes in what has ended since, beside what runs now. */
  void learn(List<Sequence> running) {
    if (fresh < REFRESH) {
      return;
    }
    fresh = 0;
    int[] ended = Arrays.copyOf(finished, Math.min(count, REMEMBERED));
    int[] going = running.stream().mapToInt(Sequence::drawnTokens).toArray();
    Arrays.sort(ended);
    Arrays.sort(going);
    ends = new int[ended.length + 1];
    longer = new double[ended.length + 1];
    lengths = 0;
    double share = 1;
    int shorter = 0; // of those that run
    for (int i = 0; i < ended.length; ) {
      int length = ended[i];
      while (shorter < going.length && going[shorter] < length) {
        shorter++;
      }
      int atLeast = ended.length - i + going.length - shorter;
      int next = i;
      while (next < ended.length && ended[next] == length) {
        next++;
      }
      append(length, share);
      share *= 1 - (double) (next - i) / atLeast;
      i = next;
    }
    int longest =
        Math.max(ended[ended.length - 1], going.length == 0 ? 0 : going[going.length - 1]);
    append(longest + UNKNOWN, share);
  }

  private void append(int end, double share) {
    ends[lengths] = end;
    longer[lengths++] = share;
  }

  /**
   * Tokens that the sequence is expected to draw from now on: at its {@link Sequence#quantile} of
   * those that are as long as it is, so that many sequences together have all lengths there are.
   */
  int expectedMore(Sequence sequence) {
    int drawn = sequence.outputTokens();
    int most = sequence.outputTokensMax - drawn;
    int at = Arrays.binarySearch(ends, 0, lengths, drawn);
    at = at < 0 ? -1 - at : at + 1;
    if (at >= lengths) {
      return most;
    }
    double share = longer[at] * (1 - sequence.quantile);
    int beyond = lengths; // the first whose share is no larger; shares only fall
    while (at + 1 < beyond) {
      int middle = at + beyond >>> 1;
      if (longer[middle] > share) {
        at = middle;
      } else {
        beyond = middle;
      }
    }
    return Math.min(most, ends[at] - drawn);
  }
}
