package dev.millrace.engine.schedule;

import dev.millrace.engine.step.StepPlan;
import java.util.Arrays;

/**
 * How many blocks the running sequences will want. All grow by a token a step, and one that ends
 * gives its blocks back: what is wanted at the most, just before one of them ends, is less than the
 * sum of what each wants at its own end. (As in R. Gong et al., Past-Future Scheduler for LLM
 * Serving under SLA Guarantees, ASPLOS 2025.)
 */
final class BlockForecast {
  private static final double BLOCK = StepPlan.BLOCK_TOKENS;

  /** So many that come to those in order are put in their places; of more, all are sorted. */
  private static final int PLACED = 16;

  // in the order they came
  private double[] wanted = new double[64]; // blocks beyond those held, before it grows
  private int[] given = new int[64]; // blocks that come back at its end

  /** Tokens that are expected of a sequence, turned round, above its index: the most first. */
  private long[] order = new long[64];

  private int ordered; // those of them that are in order
  private int count;
  private int givenByAll;

  void clear() {
    count = 0;
    ordered = 0;
    givenByAll = 0;
  }

  /**
   * Adds a sequence.
   *
   * @param more tokens that it is expected to draw
   * @param tokens that it holds or computes without these
   * @param heldBlocks that it holds, or finds held by others
   * @param givenBlocks of the blocks that count as taken now, those that its end gives back
   */
  void add(int more, int tokens, int heldBlocks, int givenBlocks) {
    if (count == order.length) {
      order = Arrays.copyOf(order, 2 * count);
      wanted = Arrays.copyOf(wanted, 2 * count);
      given = Arrays.copyOf(given, 2 * count);
    }
    order[count] = (long) (Integer.MAX_VALUE - more) << 32 | count;
    wanted[count] = wanted(tokens, heldBlocks);
    given[count++] = givenBlocks;
    givenByAll += givenBlocks;
  }

  private int moreTokens(int place) {
    return Integer.MAX_VALUE - (int) (order[place] >> 32);
  }

  private void order() {
    if (count - ordered > PLACED) {
      Arrays.sort(order, 0, count);
    } else {
      for (int i = ordered; i < count; i++) {
        long one = order[i];
        int at = i;
        for (; at > 0 && order[at - 1] > one; at--) {
          order[at] = order[at - 1];
        }
        order[at] = one;
      }
    }
    ordered = count;
  }

  /** Half of a last block is left empty. */
  private static double wanted(int tokens, int heldBlocks) {
    return tokens / BLOCK + 0.5 - heldBlocks;
  }

  /**
   * The most blocks beyond those taken now that are wanted at any time from now on, with one more
   * sequence.
   *
   * @param more tokens that it is expected to draw
   * @param tokens that it holds or computes without these
   * @param heldBlocks that it finds held by others
   */
  int peakWith(int more, int tokens, int heldBlocks) {
    order();
    double peak = 0;
    double growth = 0;
    int givenLater = 0;
    int alive = 0;
    boolean counted = false;
    for (int i = 0; i < count || !counted; ) {
      int last;
      if (!counted && (i == count || moreTokens(i) <= more)) {
        counted = true;
        last = more;
        growth += wanted(tokens, heldBlocks);
      } else {
        int one = (int) order[i];
        last = moreTokens(i++);
        growth += wanted[one];
        givenLater += given[one];
      }
      alive++;
      peak = Math.max(peak, growth + alive * (last / BLOCK) - (givenByAll - givenLater));
    }
    return (int) Math.ceil(peak);
  }
}
