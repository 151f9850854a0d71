package dev.millrace.engine.compute;

import dev.millrace.api.engine.KvCacheType;

/**
 * Keys and values of all layers, in blocks of {@link
 * dev.millrace.engine.step.StepPlan#BLOCK_TOKENS} tokens. How they lie is the backend's own
 * business; nothing in a block is read before it was appended, so a block needs no clearing.
 */
public interface KvCache extends Allocation {

  int layers();

  /** Blocks; a plan's block tables hold numbers from 0 to this. */
  int blocks();

  HeadLayout heads();

  /** How numbers are stored. */
  KvCacheType type();
}
