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

  // By the tokens that are expected of them, the most first.
  private int[] moreTokens = new int[64];
  private double[] wanted = new double[64]; // blocks beyond those held, before it grows
  private int[] given = new int[64]; // blocks that come back at its end
  private int count;
  private int givenByAll;

  void clear() {
    count = 0;
    givenByAll = 0;
  }

  /**
   * Adds a sequence; cheap when those of which fewer tokens are expected come later.
   *
   * @param more tokens that it is expected to draw
   * @param tokens that it holds or computes without these
   * @param heldBlocks that it holds, or finds held by others
   * @param givenBlocks of the blocks that count as taken now, those that its end gives back
   */
  void add(int more, int tokens, int heldBlocks, int givenBlocks) {
    if (count == moreTokens.length) {
      moreTokens = Arrays.copyOf(moreTokens, 2 * count);
      wanted = Arrays.copyOf(wanted, 2 * count);
      given = Arrays.copyOf(given, 2 * count);
    }
    int at = count++;
    for (; at > 0 && moreTokens[at - 1] < more; at--) {
      moreTokens[at] = moreTokens[at - 1];
      wanted[at] = wanted[at - 1];
      given[at] = given[at - 1];
    }
    moreTokens[at] = more;
    wanted[at] = wanted(tokens, heldBlocks);
    given[at] = givenBlocks;
    givenByAll += givenBlocks;
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
    double peak = 0;
    double growth = 0;
    int givenLater = 0;
    int alive = 0;
    boolean counted = false;
    for (int i = 0; i < count || !counted; ) {
      int last;
      if (!counted && (i == count || moreTokens[i] <= more)) {
        counted = true;
        last = more;
        growth += wanted(tokens, heldBlocks);
      } else {
        last = moreTokens[i];
        growth += wanted[i];
        givenLater += given[i++];
      }
      alive++;
      peak = Math.max(peak, growth + alive * (last / BLOCK) - (givenByAll - givenLater));
    }
    return (int) Math.ceil(peak);
  }
}
