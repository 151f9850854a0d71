package dev.millrace.cuda;

import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.compute.StepBatch;
import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepPlan;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * A step plan on its way to the device: written into the step's host memory in the form of {@link
 * StepLayout}. Sequences with one token are decoded, others prefilled; or all are prefilled, where
 * a token must get the same bits however its prompt was cut. Reused step after step.
 */
final class CudaBatch implements StepBatch {
  /** Row counts of steps that only decode: a recording for each. */
  private static final int[] DECODE_ROWS = {
    1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 480,
    512, 576, 640, 704, 768, 832, 896, 960, 1024
  };

  /** Other steps round up to a multiple of this, so that few forms of products are prepared. */
  static final int ROWS_MULTIPLE = 64;

  private final StepLayout layout;
  private final boolean padded;
  private final boolean allPrefilled;
  private final int groupSize;
  private final int units; // of a sequence that groups of warps attend to apart
  private final int decodeGroups;
  private final PrefixTiles prefixes;
  private final int[] order; // decode sequences; (sequencesMax)
  private final int[] pageStarts; // (sequencesMax)
  private final int[] itemStarts; // by pages of an item; (pages of the longest context + 1)
  private int tokens;
  private int rows;
  private int logitRows;
  private int decodes;
  private int items;
  private int tiles;
  private int pages;
  private boolean decodeOnly;

  /**
   * @param padded whether rows are rounded up to sizes that recordings and products are made for
   * @param allPrefilled whether single tokens go through prefill attention too
   * @param decodeGroups groups of warps of a multiprocessor that take items of decode attention
   */
  CudaBatch(
      StepLayout layout,
      boolean padded,
      boolean allPrefilled,
      int decodeGroups,
      int multiprocessors) {
    this.layout = layout;
    this.padded = padded;
    this.allPrefilled = allPrefilled;
    this.decodeGroups = decodeGroups * multiprocessors;
    prefixes = new PrefixTiles(layout, this.decodeGroups, multiprocessors);
    HeadLayout heads = layout.limits().heads();
    groupSize = heads.groupSize();
    units = heads.kvHeads() * StepLayout.headTiles(heads);
    order = new int[layout.limits().sequencesMax()];
    pageStarts = new int[layout.limits().sequencesMax()];
    itemStarts = new int[pagesOf(layout.limits().contextTokensMax()) + 1];
  }

  /** Writes a plan into the step's host memory. */
  void take(StepPlan plan, ByteBuffer memory) {
    if (plan.tokens() > layout.limits().tokensMax()
        || plan.sequences() > layout.limits().sequencesMax()) {
      throw new IllegalArgumentException(
          "step: expected at most %d tokens of %d sequences, found %d of %d"
              .formatted(
                  layout.limits().tokensMax(),
                  layout.limits().sequencesMax(),
                  plan.tokens(),
                  plan.sequences()));
    }
    tokens = plan.tokens();
    countDecodes(plan);
    rows = paddedRows();
    writePages(plan, memory);
    writeTokens(plan, memory);
    writeLogitRows(plan.logitTasks(), memory);
    writeTiles(plan, memory);
    prefixes.write(plan, order, decodes, pageStarts, tiles, memory);
    writeItems(plan, memory);
  }

  private void countDecodes(StepPlan plan) {
    decodes = 0;
    for (int s = 0; s < plan.sequences() && !allPrefilled; s++) {
      if (plan.queryStarts()[s + 1] - plan.queryStarts()[s] == 1) {
        order[decodes++] = s;
      }
    }
    decodeOnly = decodes == plan.sequences() && tokens > 0;
  }

  private int paddedRows() {
    int most = layout.limits().tokensMax();
    if (!padded) {
      return tokens;
    }
    if (decodeOnly) {
      for (int bucket : DECODE_ROWS) {
        if (tokens <= bucket) {
          return Math.min(bucket, most);
        }
      }
    }
    if (tokens <= ROWS_MULTIPLE) {
      return tokens;
    }
    return (int) Math.min(most, StepLayout.divideUp(tokens, ROWS_MULTIPLE) * ROWS_MULTIPLE);
  }

  private void writePages(StepPlan plan, ByteBuffer memory) {
    pages = 0;
    for (int s = 0; s < plan.sequences(); s++) {
      pageStarts[s] = pages;
      int used = (int) StepLayout.divideUp(plan.contextTokens()[s], StepPlan.BLOCK_TOKENS);
      if (pages + used > layout.pagesMax()) {
        throw new IllegalArgumentException(
            "step: expected at most %d KV blocks of all sequences".formatted(layout.pagesMax()));
      }
      int[] table = plan.blockTables()[s];
      for (int i = 0; i < used; i++) {
        memory.putInt(layout.pages() + 4 * pages++, table[i]);
      }
    }
  }

  private void writeTokens(StepPlan plan, ByteBuffer memory) {
    for (int s = 0; s < plan.sequences(); s++) {
      int[] table = plan.blockTables()[s];
      for (int row = plan.queryStarts()[s]; row < plan.queryStarts()[s + 1]; row++) {
        int position = plan.positions()[row];
        int slot =
            table[position / StepPlan.BLOCK_TOKENS] * StepPlan.BLOCK_TOKENS
                + position % StepPlan.BLOCK_TOKENS;
        memory.putInt(layout.tokenIds() + 4 * row, plan.tokenIds()[row]);
        memory.putInt(layout.positions() + 4 * row, position);
        memory.putInt(layout.slots() + 4 * row, slot);
      }
    }
    for (int row = tokens; row < rows; row++) {
      memory.putInt(layout.tokenIds() + 4 * row, 0);
      memory.putInt(layout.positions() + 4 * row, 0);
      memory.putInt(layout.slots() + 4 * row, -1);
    }
  }

  private void writeLogitRows(List<LogitTask> tasks, ByteBuffer memory) {
    logitRows = 0;
    int last = -1;
    for (int i = 0; i < tasks.size(); i++) {
      int row = tasks.get(i).tokenRow();
      if (row != last) {
        memory.putInt(layout.logitRows() + 4 * logitRows++, row);
        last = row;
      }
    }
  }

  /**
   * Tokens of a chunk: at least one and a half times a group's share of all, for to merge chunks
   * takes longer than to read some pages more, and as many as leave room for all partial results.
   */
  private int chunkTokens(StepPlan plan) {
    long all = 0;
    for (int i = 0; i < decodes; i++) {
      all += (long) pagesOf(ownTokens(plan, order[i])) * units;
    }
    for (long chunk = StepLayout.CHUNK_TOKENS; ; chunk *= 2) {
      long slots = 0;
      for (int i = 0; i < decodes; i++) {
        int chunks = StepLayout.chunks(ownTokens(plan, order[i]), chunk);
        slots += chunks > 1 ? chunks : 0;
      }
      boolean enough = 2 * chunk / StepPlan.BLOCK_TOKENS * decodeGroups >= 3 * all;
      if (slots == 0 || (enough && slots <= layout.slotsMax() - prefixes.slotsUsed())) {
        return (int) Math.min(chunk, Integer.MAX_VALUE);
      }
    }
  }

  /** Tokens of a sequence that decode attention goes over: those that prefix attention does not. */
  private int ownTokens(StepPlan plan, int sequence) {
    return plan.contextTokens()[sequence] - prefixes.pages(sequence) * StepPlan.BLOCK_TOKENS;
  }

  /** Items from the longest, counted in pages: the last to start are the shortest. */
  private void writeItems(StepPlan plan, ByteBuffer memory) {
    int chunk = chunkTokens(plan);
    startItems(plan, chunk);
    int slot = prefixes.slotsUsed();
    for (int i = 0; i < decodes; i++) {
      int s = order[i];
      int own = ownTokens(plan, s);
      int chunks = StepLayout.chunks(own, chunk);
      for (int c = 0; c < chunks; c++) {
        int used = c < chunks - 1 ? chunk : own - c * chunk;
        int page = prefixes.pages(s) + c * (chunk / StepPlan.BLOCK_TOKENS);
        int at = layout.items() + StepLayout.ITEM_BYTES * itemStarts[pagesOf(used)]++;
        memory.putInt(at, plan.queryStarts()[s]);
        memory.putInt(at + 4, pageStarts[s] + page);
        memory.putInt(at + 8, used);
        memory.putInt(at + 12, chunks > 1 ? slot + c : -1);
        memory.putInt(at + 16, chunks > 1 ? slot : -1);
        memory.putShort(at + 20, (short) chunks);
        memory.putShort(at + 22, (short) (c == 0 ? prefixes.chunks(s) : 0));
        memory.putInt(at + 24, plan.blockTables()[s][page]);
        memory.putInt(at + 28, prefixes.slot(s));
      }
      slot += chunks > 1 ? chunks : 0;
    }
    memory.putInt(layout.header(), items);
    memory.putInt(layout.header() + 4, prefixes.tiles());
  }

  /** Where the items of so many pages start: after those that have more. */
  private void startItems(StepPlan plan, int chunk) {
    Arrays.fill(itemStarts, 0);
    for (int i = 0; i < decodes; i++) {
      int own = ownTokens(plan, order[i]);
      int chunks = StepLayout.chunks(own, chunk);
      itemStarts[pagesOf(own - (chunks - 1) * chunk)]++;
      if (chunks > 1) {
        itemStarts[pagesOf(chunk)] += chunks - 1;
      }
    }
    items = 0;
    for (int i = itemStarts.length - 1; i >= 0; i--) {
      int count = itemStarts[i];
      itemStarts[i] = items;
      items += count;
    }
  }

  private static int pagesOf(int contextTokens) {
    return (int) StepLayout.divideUp(contextTokens, StepPlan.BLOCK_TOKENS);
  }

  /** Tiles of the sequences from the last down: those with most before them start first. */
  private void writeTiles(StepPlan plan, ByteBuffer memory) {
    tiles = 0;
    for (int s = 0; s < plan.sequences(); s++) {
      int first = plan.queryStarts()[s];
      int count = plan.queryStarts()[s + 1] - first;
      if (count == 0 || (count == 1 && !allPrefilled)) {
        continue;
      }
      int end = count * groupSize;
      int last = (end - 1) / StepLayout.TILE_ROWS * StepLayout.TILE_ROWS;
      for (int start = last; start >= 0; start -= StepLayout.TILE_ROWS) {
        int at = layout.tiles() + StepLayout.TILE_BYTES * tiles++;
        memory.putInt(at, first);
        memory.putInt(at + 4, plan.positions()[first]);
        memory.putInt(at + 8, pageStarts[s]);
        memory.putInt(at + 12, start);
        memory.putInt(at + 16, end);
      }
    }
  }

  /** Names what of the step's memory is in use. */
  void ranges(HostRanges used) {
    used.add(layout.header(), 2L * Integer.BYTES);
    used.add(layout.tokenIds(), 4L * rows);
    used.add(layout.positions(), 4L * rows);
    used.add(layout.slots(), 4L * rows);
    used.add(layout.logitRows(), 4L * logitRows);
    used.add(layout.items(), (long) StepLayout.ITEM_BYTES * items);
    used.add(layout.tiles(), (long) StepLayout.TILE_BYTES * (tiles + prefixes.tiles()));
    used.add(layout.prefixMembers(), (long) StepLayout.MEMBER_BYTES * prefixes.members());
    used.add(layout.pages(), 4L * pages);
  }

  int decodes() {
    return decodes;
  }

  int items() {
    return items;
  }

  int tiles() {
    return tiles;
  }

  /** Tiles of prefix attention, behind those of prefill attention. */
  int prefixTiles() {
    return prefixes.tiles();
  }

  /** Whether every sequence has one token: the form of step that is recorded. */
  boolean isDecodeOnly() {
    return decodeOnly;
  }

  @Override
  public int rows() {
    return rows;
  }

  @Override
  public int logitRows() {
    return logitRows;
  }
}
