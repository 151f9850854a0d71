package dev.millrace.cuda;

import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.compute.StepLimits;
import dev.millrace.engine.step.StepPlan;

/**
 * Where everything a step's kernels look up lies in the step's memory, on host and device alike.
 * All offsets are fixed, so that a recorded graph finds them; what is in use is fetched.
 *
 * @param itemsMax most items of decode attention
 * @param slotsMax most partial results of decode and prefix attention
 * @param tilesMax most tiles of prefill attention; those of prefix attention fit behind them, since
 *     its rows are no rows of prefill attention
 * @param pagesMax most pages of all sequences
 */
record StepLayout(StepLimits limits, int itemsMax, int slotsMax, int tilesMax, int pagesMax) {
  /**
   * Tokens of a chunk of decode attention, at least. A context of two chunks or less stays whole:
   * nothing has to be merged.
   */
  static final int CHUNK_TOKENS = 512;

  /** Rows of a tile of prefill attention, counted in tokens times heads of a group. */
  static final int TILE_ROWS = 128;

  /** Query heads a unit of decode attention takes. */
  static final int TILE_HEADS = 8;

  static final int ITEM_BYTES = 32;
  static final int TILE_BYTES = 32;

  /** Of a sequence that prefix attention serves. */
  static final int MEMBER_BYTES = 8;

  private static final int HEADER_BYTES = 256;

  /** More chunks than this are made longer. */
  private static final int SLOTS_CAP = 8192;

  static StepLayout of(StepLimits limits) {
    long chunks = chunks(limits.contextTokensMax(), CHUNK_TOKENS);
    int slots = (int) Math.min(SLOTS_CAP, limits.sequencesMax() * chunks);
    slots = Math.max(slots, 2 * limits.sequencesMax());
    long pages =
        (long) limits.sequencesMax() * divideUp(limits.contextTokensMax(), StepPlan.BLOCK_TOKENS);
    return new StepLayout(
        limits,
        limits.sequencesMax() + slots,
        slots,
        (int) divideUp((long) limits.tokensMax() * limits.heads().groupSize(), TILE_ROWS)
            + limits.sequencesMax(),
        Math.toIntExact(pages));
  }

  static long divideUp(long x, long by) {
    return (x + by - 1) / by;
  }

  /** Parts that a context is cut into. */
  static int chunks(int contextTokens, long chunkTokens) {
    return contextTokens <= 2 * chunkTokens ? 1 : (int) divideUp(contextTokens, chunkTokens);
  }

  private static int align(long bytes) {
    return Math.toIntExact(divideUp(bytes, 256) * 256);
  }

  private int perToken() {
    return align(4L * limits.tokensMax());
  }

  /** [0]: decode items; [1]: tiles of prefix attention. */
  int header() {
    return 0;
  }

  int tokenIds() {
    return HEADER_BYTES;
  }

  int positions() {
    return tokenIds() + perToken();
  }

  /** Page times 64 plus token in page, -1 for padding rows. */
  int slots() {
    return positions() + perToken();
  }

  int logitRows() {
    return slots() + perToken();
  }

  int items() {
    return logitRows() + perToken();
  }

  int tiles() {
    return items() + align((long) ITEM_BYTES * itemsMax);
  }

  int prefixMembers() {
    return tiles() + align((long) TILE_BYTES * tilesMax);
  }

  int pages() {
    return prefixMembers() + align((long) MEMBER_BYTES * limits.sequencesMax());
  }

  int bytes() {
    return pages() + align(4L * pagesMax);
  }

  /** Query heads of a group in tiles of 8. */
  static int headTiles(HeadLayout heads) {
    return (int) divideUp(heads.groupSize(), TILE_HEADS);
  }

  /** Bytes of the partial results of decode attention, for heads as wide as can be. */
  long partialBytes() {
    HeadLayout heads = limits.heads();
    return (long) slotsMax
        * heads.kvHeads()
        * headTiles(heads)
        * TILE_HEADS
        * (CudaKvCache.headPitch(heads) + 4)
        * Float.BYTES;
  }
}
