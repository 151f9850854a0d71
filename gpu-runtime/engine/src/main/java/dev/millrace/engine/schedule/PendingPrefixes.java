package dev.millrace.engine.schedule;

import dev.millrace.engine.step.StepPlan;
import java.util.HashMap;
import java.util.Map;

/**
 * Prefix blocks that running sequences are about to compute, by hash: who wants one of them waits
 * for it instead of computing it again. A hash collision costs a wait, nothing else.
 */
final class PendingPrefixes {
  private final Map<Long, Integer> announcers = new HashMap<>();

  boolean contains(long blockHash) {
    return announcers.containsKey(blockHash);
  }

  /** Announces the blocks behind those the sequence has. */
  void announce(Sequence sequence) {
    sequence.announcedBlocks = sequence.wantedTokens() / StepPlan.BLOCK_TOKENS;
    for (int block = sequence.publishedBlocks; block < sequence.announcedBlocks; block++) {
      announcers.merge(sequence.blockHash(block), 1, Integer::sum);
    }
  }

  /** The sequence has published this block. */
  void published(Sequence sequence, int block) {
    if (block < sequence.announcedBlocks) {
      remove(sequence.blockHash(block));
    }
  }

  /** The sequence will not compute the rest. */
  void withdraw(Sequence sequence) {
    for (int block = sequence.publishedBlocks; block < sequence.announcedBlocks; block++) {
      remove(sequence.blockHash(block));
    }
    sequence.announcedBlocks = 0;
  }

  private void remove(long blockHash) {
    announcers.computeIfPresent(blockHash, (hash, count) -> count == 1 ? null : count - 1);
  }

  boolean isEmpty() {
    return announcers.isEmpty();
  }
}
