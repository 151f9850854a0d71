package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.compute.HeadLayout;
import dev.millrace.engine.compute.StepLimits;
import dev.millrace.engine.step.StepPlan;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Tiles of prefix attention and the items behind them, read back and checked against the plan. */
final class PrefixTilesTest {
  private static final int PAGE = StepPlan.BLOCK_TOKENS;

  private final List<int[]> tables = new ArrayList<>();
  private final List<Integer> contexts = new ArrayList<>();
  private final List<Integer> queries = new ArrayList<>();
  private int nextBlock;

  /** Sequences of so many tokens, behind blocks that they share. */
  private void add(int sequences, int sharedBlocks, int tokens) {
    int first = nextBlock;
    nextBlock += sharedBlocks;
    for (int s = 0; s < sequences; s++) {
      int[] table = new int[sharedBlocks + (int) StepLayout.divideUp(tokens, PAGE)];
      Arrays.setAll(table, i -> i < sharedBlocks ? first + i : nextBlock++);
      tables.add(table);
      contexts.add(sharedBlocks * PAGE + tokens);
      queries.add(1);
    }
  }

  private StepPlan plan() {
    int[] starts = new int[queries.size() + 1];
    for (int s = 0; s < queries.size(); s++) {
      starts[s + 1] = starts[s] + queries.get(s);
    }
    int tokens = starts[queries.size()];
    int[] positions = new int[tokens];
    for (int s = 0; s < queries.size(); s++) {
      for (int row = starts[s]; row < starts[s + 1]; row++) {
        positions[row] = contexts.get(s) - starts[s + 1] + row;
      }
    }
    int[] context = contexts.stream().mapToInt(c -> c).toArray();
    return new StepPlan(
        new int[tokens], positions, starts, context, tables.toArray(int[][]::new), List.of());
  }

  /** A batch and the memory that it wrote. */
  private record Written(StepLayout layout, CudaBatch batch, ByteBuffer memory) {
    static Written of(StepPlan plan, int kvHeads, int group, int multiprocessors) {
      return of(plan, kvHeads, group, multiprocessors, plan.tokens());
    }

    static Written of(StepPlan plan, int kvHeads, int group, int multiprocessors, int tokensMax) {
      int contextMax = Arrays.stream(plan.contextTokens()).max().orElseThrow();
      StepLayout layout =
          StepLayout.of(
              new StepLimits(
                  tokensMax,
                  plan.sequences(),
                  contextMax,
                  plan.tokens(),
                  64,
                  new HeadLayout(kvHeads, group, 64)));
      ByteBuffer memory = ByteBuffer.allocate(layout.bytes()).order(ByteOrder.nativeOrder());
      CudaBatch batch = new CudaBatch(layout, true, false, 3, multiprocessors);
      batch.take(plan, memory);
      return new Written(layout, batch, memory);
    }

    int at(int start, int index) {
      return memory.getInt(start + 4 * index);
    }

    int tile(int index) {
      return layout.tiles() + StepLayout.TILE_BYTES * (batch.tiles() + index);
    }

    int member(int index) {
      return layout.prefixMembers() + StepLayout.MEMBER_BYTES * index;
    }
  }

  /** Every head of every decoded row sees each of its pages once, and each partial result once. */
  private static void assertCovers(StepPlan plan, Written written, String what) {
    int rows = plan.tokens();
    int group = written.layout.limits().heads().groupSize();
    int[][][] seen = new int[rows][group][];
    int[] pageStarts = new int[rows];
    for (int s = 0, page = 0; s < plan.sequences(); s++) {
      int used = (int) StepLayout.divideUp(plan.contextTokens()[s], PAGE);
      for (int row = plan.queryStarts()[s]; row < plan.queryStarts()[s + 1]; row++) {
        pageStarts[row] = page;
        for (int head = 0; head < group; head++) {
          seen[row][head] = new int[used];
        }
      }
      page += used;
    }
    assertEquals(written.batch.prefixTiles(), written.at(written.layout.header(), 1), what);
    Set<List<Integer>> partials = new HashSet<>(); // slot and head
    for (int t = 0; t < written.batch.prefixTiles(); t++) {
      int tile = written.tile(t);
      int end = Math.min(written.at(tile, 2), written.at(tile, 1) + StepLayout.TILE_ROWS);
      int count = written.at(tile, 4);
      assertTrue(written.at(tile, 1) < end && count > 0, what);
      for (int at = written.at(tile, 1); at < end; at++) {
        int member = written.member(written.at(tile, 0) + at / group);
        int row = written.at(member, 0);
        for (int i = 0; i < count; i++) {
          int block = written.at(written.layout.pages(), written.at(tile, 3) + i);
          int index = indexOf(written, pageStarts[row], seen[row][0].length, block);
          assertTrue(index < seen[row][0].length - 1, what + ": the last token's page");
          seen[row][at % group][index]++;
        }
        int slot = written.at(member, 1) + written.at(tile, 5);
        assertTrue(partials.add(List.of(slot, at % group)), what + ": slot " + slot + " twice");
      }
    }
    int prefixPartials = partials.size();
    for (int i = 0; i < written.batch.items(); i++) {
      int item = written.layout.items() + StepLayout.ITEM_BYTES * i;
      int row = written.at(item, 0);
      int first = written.at(item, 1) - pageStarts[row];
      int chunks = written.at(item, 5) >>> 16;
      for (int head = 0; head < group; head++) {
        for (int p = 0; p < StepLayout.divideUp(written.at(item, 2), PAGE); p++) {
          seen[row][head][first + p]++;
        }
        for (int c = 0; c < chunks; c++) {
          assertTrue(partials.contains(List.of(written.at(item, 7) + c, head)), what);
          prefixPartials--;
        }
        if (written.at(item, 3) >= 0) {
          assertTrue(partials.add(List.of(written.at(item, 3), head)), what);
        }
      }
    }
    assertEquals(0, prefixPartials, what + ": partial results nobody goes on from");
    for (List<Integer> partial : partials) {
      assertTrue(partial.get(0) < written.layout.slotsMax(), what);
    }
    for (int s = 0; s < plan.sequences(); s++) {
      int row = plan.queryStarts()[s];
      if (plan.queryStarts()[s + 1] - row == 1) {
        for (int[] pages : seen[row]) {
          assertTrue(Arrays.stream(pages).allMatch(n -> n == 1), what + ": sequence " + s);
        }
      }
    }
    int tiles = written.batch.tiles() + written.batch.prefixTiles();
    assertTrue(tiles <= written.layout.tilesMax(), what);
  }

  private static int indexOf(Written written, int firstPage, int pages, int block) {
    for (int i = 0; i < pages; i++) {
      if (written.at(written.layout.pages(), firstPage + i) == block) {
        return i;
      }
    }
    throw new AssertionError("block " + block + " is none of the sequence");
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "1, 9", "2, 7", "4, 12"})
  void beginningsAreReadOnceAndTheRestBehindThem(int kvHeads, int group) {
    add(20, 30, 92);
    add(3, 30, 92);
    add(70, 9, 1);
    add(4, 12, 5000);
    add(9, 0, 400);
    StepPlan plan = plan();

    for (int multiprocessors : new int[] {1, 4, 16}) {
      Written written = Written.of(plan, kvHeads, group, multiprocessors);

      assertCovers(plan, written, multiprocessors + " multiprocessors");
      assertTrue(written.batch.prefixTiles() >= 3);
      assertTrue(written.batch.isDecodeOnly());
    }
  }

  /** Two rounds of 132 multiprocessors: to cut them would not save one. */
  @Test
  void beginningsStayWholeWhereAllMultiprocessorsAreBusy() {
    for (int i = 0; i < 16; i++) {
      add(56, 23, 60 + i);
    }
    StepPlan plan = plan();

    Written written = Written.of(plan, 4, 7, 132, 8192);

    assertCovers(plan, written, "16 x 56");
    // three full tiles and one of a few rows for each beginning; full ones first
    assertEquals(16 * 4, written.batch.prefixTiles());
    for (int t = 0; t < 16 * 4; t++) {
      int left = written.at(written.tile(t), 2) - written.at(written.tile(t), 1);
      assertEquals(t < 16 * 3, left >= StepLayout.TILE_ROWS, "tile " + t);
      assertEquals(23, written.at(written.tile(t), 4), "pages of tile " + t);
    }
  }

  /** 152 items: the last 20 are cut, not to have 112 multiprocessors wait for them. */
  @Test
  void someAreCutWhereAllAreJustMoreThanARound() {
    add(18 * 33, 100, 60);
    add(18 * 5, 100, 60);
    StepPlan plan = plan();

    Written written = Written.of(plan, 4, 7, 132, 8192);

    assertCovers(plan, written, "33 and 5 tiles");
    assertEquals(100, written.at(written.tile(0), 4));
    assertTrue(written.batch.prefixTiles() > 33 + 2 * 5, written.batch.prefixTiles() + " tiles");
    int last = written.at(written.tile(written.batch.prefixTiles() - 1), 4);
    assertTrue(last < 50, last + " pages");
  }

  @Test
  void longBeginningOfAFewIsSharedOutToAllMultiprocessors() {
    add(18, 500, 10);

    Written written = Written.of(plan(), 4, 7, 132, 8192);

    assertCovers(plan(), written, "18");
    assertTrue(written.batch.prefixTiles() * 4 > 100, written.batch.prefixTiles() + " tiles");
  }

  @ParameterizedTest
  @CsvSource({"1, true", "4, true", "6, false"})
  void littleToSaveIsNotWorthALaunch(int multiprocessors, boolean shared) {
    add(6, 20, 3); // 96 reads less of each of two kv heads
    StepPlan plan = plan();

    Written written = Written.of(plan, 2, 3, multiprocessors);

    assertEquals(shared, written.batch.prefixTiles() > 0);
    assertCovers(plan, written, multiprocessors + " multiprocessors");
  }

  /** What the contract of backends and the executor's test ask of a GPU with so many. */
  @ParameterizedTest
  @CsvSource({"200, 8, 2, 5, 132", "200, 8, 2, 7, 132", "536, 3, 4, 2, 132", "536, 3, 2, 2, 132"})
  void casesOfTheTestsOnGpusAreWorthALaunch(
      int sequences, int blocks, int kvHeads, int group, int multiprocessors) {
    add(sequences, blocks, 30);
    StepPlan plan = plan();

    Written written = Written.of(plan, kvHeads, group, multiprocessors);

    assertTrue(written.batch.prefixTiles() > 0);
    assertCovers(plan, written, sequences + " sequences");
  }

  @Test
  void prefilledSequencesAreNotAmongThem() {
    add(5, 20, 100);
    queries.set(2, 100);
    add(30, 0, 70);
    for (int s = 5; s < 35; s++) {
      queries.set(s, 70);
    }
    StepPlan plan = plan();

    Written written = Written.of(plan, 2, 7, 1);

    assertTrue(written.batch.prefixTiles() > 0);
    assertTrue(written.batch.tiles() > 30);
    assertCovers(plan, written, "mixed");
  }

  @Test
  void randomStepsAreCovered() {
    long seed = Long.getLong("tests.seed", 20261126);
    int shared = 0;
    Random seeds = new Random(seed);
    for (int round = 0; round < 200; round++) {
      Random random = new Random(seeds.nextLong());
      int[] context = new int[1 + random.nextInt(80)];
      tables.clear();
      contexts.clear();
      queries.clear();
      tables.addAll(SharedBeginningsTest.branching(random, context));
      for (int c : context) {
        contexts.add(c);
        queries.add(1);
      }
      StepPlan plan = plan();
      int group = 1 + random.nextInt(13);
      Written written = Written.of(plan, 1 + random.nextInt(4), group, 1 + random.nextInt(6));

      assertCovers(plan, written, "seed " + (seed + round));
      shared += written.batch.prefixTiles() > 0 ? 1 : 0;
    }
    assertTrue(shared > 50, shared + " steps with tiles");
  }
}
