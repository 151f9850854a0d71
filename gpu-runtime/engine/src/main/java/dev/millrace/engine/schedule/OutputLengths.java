package dev.millrace.engine.schedule;

import java.util.Arrays;

/**
 * Learns from finished sequences how long the next ones will get, so that admission can count on
 * less than their maximum. A wrong guess costs a stall or a recomputation, never a token.
 */
final class OutputLengths {
  private static final int REMEMBERED = 256;
  private static final int ENOUGH = 16;
  private static final int REFRESH = 8;

  /** Expected before anything is known; longer outputs than this are rare. */
  private static final int UNKNOWN = 256;

  /** Always expected on top: half a block more than a sequence has. */
  private static final int MARGIN = 32;

  private final int[] lengths = new int[REMEMBERED];
  private int finished;
  private int longUsual = UNKNOWN;

  void add(int outputTokens) {
    lengths[finished++ % REMEMBERED] = outputTokens;
    if (finished >= ENOUGH && finished % REFRESH == 0) {
      int[] sorted = Arrays.copyOf(lengths, Math.min(finished, REMEMBERED));
      Arrays.sort(sorted);
      longUsual = sorted[sorted.length * 9 / 10];
    }
    if (finished == Integer.MAX_VALUE - 1) {
      finished = REMEMBERED; // a multiple of it and of the refresh period
    }
  }

  /** Tokens that the sequence is expected to draw from now on: nine of ten draw fewer. */
  int expectedMore(Sequence sequence) {
    int drawn = sequence.outputTokens();
    return Math.min(sequence.outputTokensMax - drawn, Math.max(longUsual - drawn, 0) + MARGIN);
  }
}
