package dev.millrace.cuda;

import dev.millrace.engine.step.StepPlan;
import java.util.Arrays;

/**
 * Groups of sequences of a step whose block tables begin with the same blocks: with a prompt's
 * beginning that the prefix cache found for all of them. Only blocks wholly before a sequence's
 * last token count, which no sequence of the step writes.
 *
 * <p>Where sequences agree on some blocks, and parts of them on more, either all are one group or
 * the parts are groups, whichever saves more. What a group saves is counted in reads of a block.
 * Reused step after step.
 */
final class SharedBeginnings {
  /** Fewer are not worth a tile. */
  static final int SEQUENCES_MIN = 4;

  /** What a group costs beside reading its blocks once, in reads of a block. */
  static final int GROUP_COST = 4;

  private final int[] sequences; // of the plan; a group's stand side by side; (sequencesMax)
  private final long[] keys; // to sort by; (sequencesMax)
  private final int[] from; // of each group, in `sequences`; (sequencesMax / SEQUENCES_MIN)
  private final int[] to;
  private final int[] blocks;
  private int groups;
  private StepPlan plan;

  SharedBeginnings(int sequencesMax) {
    sequences = new int[sequencesMax];
    keys = new long[sequencesMax];
    from = new int[sequencesMax / SEQUENCES_MIN];
    to = new int[from.length];
    blocks = new int[from.length];
  }

  /**
   * Finds the groups among the first {@code count} of some sequences.
   *
   * @return reads of blocks saved
   */
  long find(StepPlan step, int[] among, int count) {
    plan = step;
    groups = 0;
    System.arraycopy(among, 0, sequences, 0, count);
    return divide(0, count, 0);
  }

  /** Groups among sequences that agree on so many blocks: of those that agree on the next too. */
  private long divide(int start, int end, int depth) {
    for (int i = start; i < end; i++) {
      keys[i] = (long) block(sequences[i], depth) << 32 | sequences[i];
    }
    Arrays.sort(keys, start, end);
    for (int i = start; i < end; i++) {
      sequences[i] = (int) keys[i];
    }
    long saved = 0;
    for (int first = start; first < end; ) {
      int block = block(sequences[first], depth);
      int next = first + 1;
      while (next < end && block(sequences[next], depth) == block) {
        next++;
      }
      if (block >= 0 && next - first >= SEQUENCES_MIN) {
        saved += best(first, next, depth + 1);
      }
      first = next;
    }
    return saved;
  }

  /**
   * All of these sequences, which agree on so many blocks or more, as a group, or parts of them.
   */
  private long best(int start, int end, int agreed) {
    int depth = agreed;
    while (agree(start, end, depth)) {
      depth++;
    }
    int before = groups;
    long parts = divide(start, end, depth);
    long whole = (long) (end - start - 1) * depth - GROUP_COST;
    if (whole < parts || whole <= 0) {
      return parts;
    }
    groups = before;
    from[groups] = start;
    to[groups] = end;
    blocks[groups++] = depth;
    return whole;
  }

  private boolean agree(int start, int end, int depth) {
    int block = block(sequences[start], depth);
    for (int i = start + 1; i < end && block >= 0; i++) {
      if (block(sequences[i], depth) != block) {
        return false;
      }
    }
    return block >= 0;
  }

  /** A block of a sequence; -1 if the last token is in it or before it. */
  private int block(int sequence, int index) {
    boolean before = index < (plan.contextTokens()[sequence] - 1) / StepPlan.BLOCK_TOKENS;
    return before ? plan.blockTables()[sequence][index] : -1;
  }

  int groups() {
    return groups;
  }

  int sequencesOf(int group) {
    return to[group] - from[group];
  }

  /** A sequence of a group. */
  int sequence(int group, int index) {
    return sequences[from[group] + index];
  }

  /** Blocks that the sequences of a group share. */
  int blocksOf(int group) {
    return blocks[group];
  }
}
