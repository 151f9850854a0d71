package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.compute.StepLimits;
import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepPlan;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A plan as it is written for the device, read back and checked against the plan itself. */
final class CudaBatchTest {
  private static final int PAGE = StepPlan.BLOCK_TOKENS;
  private static final int UNTOUCHED = 0x5a5a5a5a;

  /** Of an H100. */
  private static final int GROUPS = 3 * 132;

  /** Sequences of so many tokens, of which the last {@code queries} are this step's. */
  private static StepPlan plan(int[] contexts, int[] queries, int... logitRows) {
    int tokens = Arrays.stream(queries).sum();
    int[] ids = new int[tokens];
    int[] positions = new int[tokens];
    int[] starts = new int[queries.length + 1];
    int[][] tables = new int[queries.length][];
    int page = 1000;
    for (int s = 0; s < queries.length; s++) {
      tables[s] = new int[(int) StepLayout.divideUp(contexts[s], PAGE) + 1]; // one not yet used
      for (int i = 0; i < tables[s].length; i++) {
        tables[s][i] = page -= 1;
      }
      for (int i = 0; i < queries[s]; i++) {
        int row = starts[s] + i;
        ids[row] = 7 * row + 3;
        positions[row] = contexts[s] - queries[s] + i;
      }
      starts[s + 1] = starts[s] + queries[s];
    }
    List<LogitTask> tasks = new ArrayList<>();
    for (int row : logitRows) {
      tasks.add(new LogitTask.Score(row, 0, 1));
    }
    return new StepPlan(ids, positions, starts, contexts, tables, tasks);
  }

  private static StepLayout layout(int tokens, int sequences, int context, int groupSize) {
    return StepLayout.of(
        new StepLimits(tokens, sequences, context, tokens, 64, new HeadLayout(2, groupSize, 64)));
  }

  /** A batch and the memory that it wrote. */
  private record Written(StepLayout layout, CudaBatch batch, ByteBuffer memory) {
    static Written of(StepLayout layout, boolean padded, StepPlan plan) {
      return of(layout, padded, GROUPS, plan);
    }

    static Written of(StepLayout layout, boolean padded, int groups, StepPlan plan) {
      ByteBuffer memory = ByteBuffer.allocate(layout.bytes()).order(ByteOrder.nativeOrder());
      while (memory.hasRemaining()) {
        memory.putInt(UNTOUCHED);
      }
      CudaBatch batch = new CudaBatch(layout, padded, false, groups, 1);
      batch.take(plan, memory);
      Written written = new Written(layout, batch, memory);
      written.assertFetched();
      return written;
    }

    /** All that was written is fetched. */
    private void assertFetched() {
      BitSet fetched = new BitSet();
      batch.ranges(
          (offset, bytes) -> {
            assertEquals(0, offset % 16);
            fetched.set(offset / 4, offset / 4 + Math.toIntExact((bytes + 3) / 4));
          });
      for (int at = 0; at < layout.bytes() / 4; at++) {
        assertTrue(fetched.get(at) || at(0, at) == UNTOUCHED, "not fetched: word " + at);
      }
    }

    int at(int start, int index) {
      return memory.getInt(start + 4 * index);
    }
  }

  private static void assertMatches(StepPlan plan, Written written, String what) {
    StepLayout layout = written.layout;
    for (int row = 0; row < plan.tokens(); row++) {
      assertEquals(plan.tokenIds()[row], written.at(layout.tokenIds(), row), what);
      assertEquals(plan.positions()[row], written.at(layout.positions(), row), what);
    }
    for (int row = plan.tokens(); row < written.batch.rows(); row++) {
      assertEquals(0, written.at(layout.tokenIds(), row), what);
      assertEquals(-1, written.at(layout.slots(), row), what + ": padding reaches no page");
    }
    int pages = 0;
    int decodes = 0;
    Set<Integer> partials = new HashSet<>();
    for (int s = 0; s < plan.sequences(); s++) {
      int context = plan.contextTokens()[s];
      for (int row = plan.queryStarts()[s]; row < plan.queryStarts()[s + 1]; row++) {
        int position = plan.positions()[row];
        int slot = plan.blockTables()[s][position / PAGE] * PAGE + position % PAGE;
        assertEquals(slot, written.at(layout.slots(), row), what);
      }
      int used = (int) StepLayout.divideUp(context, PAGE);
      for (int i = 0; i < used; i++) {
        assertEquals(plan.blockTables()[s][i], written.at(layout.pages(), pages + i), what);
      }
      int queries = plan.queryStarts()[s + 1] - plan.queryStarts()[s];
      if (queries == 1) {
        assertDecoded(plan.queryStarts()[s], context, pages, partials, written, what);
        decodes++;
      }
      pages += used;
    }
    assertEquals(decodes, written.batch.decodes(), what);
    assertTrue(partials.size() <= layout.slotsMax(), what);
    assertEquals(written.batch.items(), written.at(layout.header(), 0), what);
    assertLongestFirst(written, what);
    assertTiles(plan, written, what);
  }

  /** The items of a row cover its context once, and know each other's partial results. */
  private static void assertDecoded(
      int row, int context, int firstPage, Set<Integer> partials, Written written, String what) {
    boolean[] covered = new boolean[pagesOf(context)];
    int tokens = 0;
    int found = 0;
    int chunks = -1;
    int firstSlot = -1;
    SortedMap<Integer, Integer> starts = new TreeMap<>(); // by slot
    for (int i = 0; i < written.batch.items(); i++) {
      int item = written.layout.items() + StepLayout.ITEM_BYTES * i;
      if (written.at(item, 0) != row) {
        continue;
      }
      chunks = found == 0 ? written.at(item, 5) : chunks;
      firstSlot = found == 0 ? written.at(item, 4) : firstSlot;
      assertEquals(chunks, written.at(item, 5), what);
      assertEquals(firstSlot, written.at(item, 4), what);
      found++;
      int start = written.at(item, 1) - firstPage;
      int length = written.at(item, 2);
      for (int page = start; page < start + pagesOf(length); page++) {
        assertFalse(covered[page], what + ": page " + page + " twice");
        covered[page] = true;
      }
      tokens += length;
      assertEquals(
          written.at(written.layout.pages(), written.at(item, 1)), written.at(item, 6), what);
      int slot = written.at(item, 3);
      if (chunks == 1) {
        assertEquals(-1, slot, what);
      } else {
        starts.put(slot, start);
        assertTrue(slot >= firstSlot && slot < firstSlot + chunks, what);
        assertTrue(partials.add(slot), what + ": partial " + slot + " twice");
      }
    }
    assertEquals(chunks, found, what);
    assertEquals(context, tokens, what);
    assertEquals(chunks == 1, firstSlot == -1, what);
    assertEquals(
        starts.values().stream().sorted().toList(),
        List.copyOf(starts.values()),
        what + ": partial results are merged in order");
  }

  private static int pagesOf(int tokens) {
    return (int) StepLayout.divideUp(tokens, PAGE);
  }

  private static void assertLongestFirst(Written written, String what) {
    int before = Integer.MAX_VALUE;
    for (int i = 0; i < written.batch.items(); i++) {
      int pages = pagesOf(written.at(written.layout.items() + StepLayout.ITEM_BYTES * i, 2));
      assertTrue(pages <= before, what + ": item " + i);
      before = pages;
    }
  }

  /** Tiles cover every row of every prefilled sequence once, its last rows first. */
  private static void assertTiles(StepPlan plan, Written written, String what) {
    int groupSize = written.layout.limits().heads().groupSize();
    int tile = 0;
    int page = 0;
    for (int s = 0; s < plan.sequences(); s++) {
      int first = plan.queryStarts()[s];
      int rows = (plan.queryStarts()[s + 1] - first) * groupSize;
      int end = rows;
      while (plan.queryStarts()[s + 1] - first > 1 && end > 0) {
        int at = written.layout.tiles() + StepLayout.TILE_BYTES * tile++;
        assertEquals(first, written.at(at, 0), what);
        assertEquals(plan.positions()[first], written.at(at, 1), what);
        assertEquals(page, written.at(at, 2), what);
        int start = written.at(at, 3);
        assertTrue(start < end && end - start <= StepLayout.TILE_ROWS, what);
        assertEquals(0, start % StepLayout.TILE_ROWS, what);
        assertEquals(rows, written.at(at, 4), what);
        end = start;
      }
      page += (int) StepLayout.divideUp(plan.contextTokens()[s], PAGE);
    }
    assertEquals(tile, written.batch.tiles(), what);
    assertTrue(tile <= written.layout.tilesMax(), what);
  }

  @ParameterizedTest
  @CsvSource({
    "1", "63", "64", "65", "127", "128", "129", "511", "512", "513", "1024", "1025", "4098"
  })
  void decodedContextIsCoveredOnce(int context) {
    StepLayout layout = layout(8, 3, 4098, 3);
    StepPlan plan = plan(new int[] {context, 1, 77}, new int[] {1, 1, 1}, 0, 1, 2);

    assertMatches(plan, Written.of(layout, true, plan), "context " + context);
  }

  /** Two kv heads on 396 groups of warps. */
  @ParameterizedTest
  @CsvSource({"1, 1024, 1", "1, 1025, 3", "8, 4096, 64", "20, 4096, 80", "64, 4096, 64"})
  void contextsAreCutWhereThereAreFewerThanGroups(int sequences, int context, int items) {
    int[] contexts = new int[sequences];
    int[] queries = new int[sequences];
    Arrays.fill(contexts, context);
    Arrays.fill(queries, 1);
    StepPlan plan = plan(contexts, queries);

    Written written = Written.of(layout(sequences, sequences, context, 3), true, plan);

    assertMatches(plan, written, sequences + " of " + context);
    assertEquals(items, written.batch.items());
  }

  @Test
  void prefilledAndDecodedSequencesShareAStep() {
    StepLayout layout = layout(300, 5, 700, 7);
    StepPlan plan =
        plan(new int[] {130, 600, 64, 1, 200}, new int[] {130, 1, 64, 1, 2}, 129, 130, 194, 195);

    Written written = Written.of(layout, true, plan);

    assertMatches(plan, written, "mixed");
    assertFalse(written.batch.isDecodeOnly());
    assertEquals(2, written.batch.decodes());
  }

  @Test
  void randomStepsAreWrittenAsPlanned() {
    long seed = Long.getLong("tests.seed", 20261125);
    Random seeds = new Random(seed);
    for (int round = 0; round < 300; round++) {
      Random random = new Random(seeds.nextLong());
      int sequences = 1 + random.nextInt(random.nextBoolean() ? 40 : 4);
      int contextMax = 1 + random.nextInt(random.nextBoolean() ? 5000 : 130);
      int[] contexts = new int[sequences];
      int[] queries = new int[sequences];
      for (int s = 0; s < sequences; s++) {
        contexts[s] = 1 + random.nextInt(contextMax);
        queries[s] = random.nextInt(3) > 0 ? 1 : 1 + random.nextInt(Math.min(contexts[s], 400));
      }
      int tokens = Arrays.stream(queries).sum();
      StepLayout layout =
          layout(tokens + random.nextInt(70), sequences, contextMax, 1 + random.nextInt(9));
      StepPlan plan = plan(contexts, queries);

      assertMatches(plan, Written.of(layout, random.nextBoolean(), plan), "seed " + (seed + round));
    }
  }

  @Test
  void chunksGrowWhereThereIsNoRoomForAllPartialResults() {
    int sequences = 5000;
    int[] contexts = new int[sequences];
    int[] queries = new int[sequences];
    // six chunks of 512 for every other: 15,000 partial results, room for 10,000
    Arrays.setAll(contexts, s -> s % 2 == 0 ? 3000 : 1);
    Arrays.fill(queries, 1);
    StepLayout layout = layout(sequences, sequences, 3000, 1);
    StepPlan plan = plan(contexts, queries);

    Written written = Written.of(layout, true, 1 << 20, plan);

    assertEquals(10_000, layout.slotsMax());
    assertMatches(plan, written, "short of slots");
    assertEquals(sequences / 2 + 3 * sequences / 2, written.batch.items());
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1024, 1",
    "3, 1024, 4",
    "9, 1024, 16",
    "33, 1024, 48",
    "1024, 1024, 1024",
    "9, 10, 10",
    "1000, 1001, 1001",
    "1025, 2000, 1088",
    "1025, 1030, 1030"
  })
  void stepsThatOnlyDecodeTakeTheRowsOfARecording(int sequences, int tokensMax, int rows) {
    int[] ones = new int[sequences];
    Arrays.fill(ones, 1);
    Written written =
        Written.of(layout(tokensMax, sequences, 1, 1), true, plan(ones.clone(), ones));

    assertTrue(written.batch.isDecodeOnly());
    assertEquals(rows, written.batch.rows());
  }

  @ParameterizedTest
  @CsvSource({"2, 500, 2", "64, 500, 64", "65, 500, 128", "129, 150, 150", "500, 500, 500"})
  void otherStepsAreRoundedUpOnceTheyAreLarge(int tokens, int tokensMax, int rows) {
    StepPlan plan = plan(new int[] {tokens}, new int[] {tokens});
    StepLayout layout = layout(tokensMax, 1, tokens, 1);

    assertEquals(rows, Written.of(layout, true, plan).batch.rows());
    assertEquals(tokens, Written.of(layout, false, plan).batch.rows());
  }

  @Test
  void tasksThatShareARowOfLogitsAskForItOnce() {
    StepLayout layout = layout(8, 2, 64, 1);

    Written written =
        Written.of(layout, true, plan(new int[] {5, 3}, new int[] {5, 3}, 0, 0, 4, 7, 7, 7));

    assertEquals(3, written.batch.logitRows());
    assertEquals(
        List.of(0, 4, 7),
        List.of(
            written.at(layout.logitRows(), 0),
            written.at(layout.logitRows(), 1),
            written.at(layout.logitRows(), 2)));
    assertEquals(UNTOUCHED, written.at(layout.logitRows(), 3));
  }

  @Test
  void batchTakesOneStepAfterAnother() {
    StepLayout layout = layout(200, 4, 1200, 2);
    ByteBuffer memory = ByteBuffer.allocate(layout.bytes()).order(ByteOrder.nativeOrder());
    CudaBatch batch = new CudaBatch(layout, true, false, GROUPS, 1);
    StepPlan large = plan(new int[] {1200, 150, 900, 9}, new int[] {1, 150, 1, 9}, 0, 150);
    StepPlan small = plan(new int[] {65}, new int[] {1}, 0);

    batch.take(large, memory);
    assertMatches(large, new Written(layout, batch, memory), "first");
    batch.take(small, memory);
    assertMatches(small, new Written(layout, batch, memory), "second");
    assertEquals(1, batch.logitRows());
  }

  @Test
  void stepBeyondTheLimitsIsRefusedWithBothNumbers() {
    CudaBatch batch = new CudaBatch(layout(4, 2, 64, 1), true, false, GROUPS, 1);
    ByteBuffer memory = ByteBuffer.allocate(1 << 16);

    for (StepPlan plan :
        List.of(
            plan(new int[] {5}, new int[] {5}), plan(new int[] {1, 1, 1}, new int[] {1, 1, 1}))) {
      IllegalArgumentException refused =
          assertThrows(IllegalArgumentException.class, () -> batch.take(plan, memory));
      assertTrue(
          refused
              .getMessage()
              .contains(
                  "at most 4 tokens of 2 sequences, found %d of %d"
                      .formatted(plan.tokens(), plan.sequences())),
          refused.getMessage());
    }
  }
}
