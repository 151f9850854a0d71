package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.step.StepPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SharedBeginningsTest {
  private static final int PAGE = StepPlan.BLOCK_TOKENS;

  /** Blocks, and the tokens in the last of them. */
  @SuppressWarnings("ArrayRecordComponent")
  private record Table(int lastTokens, int... blocks) {}

  /** A step that decodes one token of each. */
  static StepPlan decoding(List<int[]> tables, int[] contexts) {
    int count = tables.size();
    return new StepPlan(
        new int[count],
        Arrays.stream(contexts).map(c -> c - 1).toArray(),
        IntStream.rangeClosed(0, count).toArray(),
        contexts,
        tables.toArray(int[][]::new),
        List.of());
  }

  private static SharedBeginnings found(Table... tables) {
    int[] contexts = new int[tables.length];
    Arrays.setAll(contexts, s -> (tables[s].blocks.length - 1) * PAGE + tables[s].lastTokens);
    SharedBeginnings beginnings = new SharedBeginnings(tables.length);
    List<int[]> blocks = Arrays.stream(tables).map(Table::blocks).toList();
    int[] all = IntStream.range(0, tables.length).toArray();
    beginnings.find(decoding(blocks, contexts), all, tables.length);
    return beginnings;
  }

  /** As "blocks: sequences", by the first sequence. */
  private static List<String> told(SharedBeginnings beginnings) {
    List<String> groups = new ArrayList<>();
    for (int g = 0; g < beginnings.groups(); g++) {
      int group = g;
      List<Integer> sequences =
          IntStream.range(0, beginnings.sequencesOf(g))
              .mapToObj(i -> beginnings.sequence(group, i))
              .sorted()
              .toList();
      groups.add(beginnings.blocksOf(g) + ": " + sequences);
    }
    Collections.sort(groups);
    return groups;
  }

  @Test
  void sequencesThatBeginAlikeAreAGroup() {
    assertEquals(
        List.of("3: [0, 2, 3, 5]"),
        told(
            found(
                new Table(1, 7, 8, 9, 1),
                new Table(30, 4, 5, 6),
                new Table(64, 7, 8, 9, 2),
                new Table(9, 7, 8, 9, 3, 11),
                new Table(1, 10, 12),
                new Table(9, 7, 8, 9, 13))));
  }

  @Test
  void fewSequencesOrFewBlocksAreNoGroup() {
    assertEquals(
        List.of(),
        told(
            found(
                new Table(1, 7, 8, 9, 10, 1),
                new Table(1, 7, 8, 9, 10, 2),
                new Table(1, 7, 8, 9, 10, 3))));
    assertEquals(
        List.of(),
        told(
            found(new Table(1, 7, 1), new Table(1, 7, 2), new Table(1, 7, 3), new Table(1, 7, 4))));
    assertEquals(List.of(), told(found()));
  }

  /** Blocks with the same number behind different ones are not the same beginning. */
  @Test
  void blocksCountFromTheFirstOn() {
    assertEquals(
        List.of(),
        told(
            found(
                new Table(1, 1, 7, 8, 9, 20),
                new Table(1, 2, 7, 8, 9, 21),
                new Table(1, 3, 7, 8, 9, 22),
                new Table(1, 4, 7, 8, 9, 23))));
  }

  /** The step writes it, and prefix attention begins before that. */
  @ParameterizedTest
  @CsvSource({"1, 3", "64, 3"})
  void blockOfTheLastTokenIsNotShared(int lastTokens, int blocks) {
    Table[] tables = new Table[6];
    Arrays.setAll(tables, s -> new Table(lastTokens, 7, 8, 9, 10));

    assertEquals(List.of(blocks + ": [0, 1, 2, 3, 4, 5]"), told(found(tables)));
  }

  @Test
  void groupEndsWhereItsShortestSequenceDoes() {
    assertEquals(
        List.of("4: [0, 1, 2, 3]"),
        told(
            found(
                new Table(1, 5, 6, 7, 8, 9, 1),
                new Table(1, 5, 6, 7, 8, 2),
                new Table(1, 5, 6, 7, 8, 9, 3),
                new Table(1, 5, 6, 7, 8, 9, 4))));
  }

  @Test
  void partsThatShareMoreAreGroupsOfTheirOwnWhereThatSavesMore() {
    List<Table> tables = new ArrayList<>();
    for (int s = 0; s < 12; s++) {
      int part = s < 5 ? 100 : 200;
      tables.add(new Table(1, 1, 2, part, part + 1, part + 2, part + 3, 300 + s));
    }
    assertEquals(
        List.of("6: [0, 1, 2, 3, 4]", "6: [5, 6, 7, 8, 9, 10, 11]"),
        told(found(tables.toArray(Table[]::new))));

    for (int s = 12; s < 40; s++) {
      tables.add(new Table(1, 1, 2, 300 + s)); // 78 reads as a whole, 50 in the parts
    }
    assertEquals(
        List.of("2: " + IntStream.range(0, 40).boxed().toList()),
        told(found(tables.toArray(Table[]::new))));
  }

  @Test
  void groupsAreDisjointAgreeOnTheirBlocksAndSaveWhatIsSaid() {
    long seed = Long.getLong("tests.seed", 20261126);
    int grouped = 0;
    Random seeds = new Random(seed);
    for (int round = 0; round < 300; round++) {
      Random random = new Random(seeds.nextLong());
      int count = 1 + random.nextInt(60);
      int[] contexts = new int[count];
      List<int[]> tables = branching(random, contexts);
      StepPlan plan = decoding(tables, contexts);
      int[] among = IntStream.range(0, count).filter(s -> random.nextInt(9) > 0).toArray();
      SharedBeginnings beginnings = new SharedBeginnings(count);

      long saved = beginnings.find(plan, among, among.length);

      Set<Integer> used = new HashSet<>();
      long sum = 0;
      for (int g = 0; g < beginnings.groups(); g++) {
        String what = "seed " + (seed + round) + " group " + g;
        int[] first = tables.get(beginnings.sequence(g, 0));
        int blocks = beginnings.blocksOf(g);
        for (int i = 0; i < beginnings.sequencesOf(g); i++) {
          int s = beginnings.sequence(g, i);
          assertTrue(used.add(s), what);
          assertTrue(Arrays.binarySearch(among, s) >= 0, what);
          assertTrue(blocks * PAGE < contexts[s], what);
          assertTrue(Arrays.equals(first, 0, blocks, tables.get(s), 0, blocks), what);
        }
        sum += (long) (beginnings.sequencesOf(g) - 1) * blocks - SharedBeginnings.GROUP_COST;
        grouped++;
      }
      assertEquals(sum, saved, "seed " + (seed + round));
    }
    assertTrue(grouped > 100, grouped + " groups");
  }

  /** Tables that leave each other at random blocks; sets the contexts, which may end before. */
  static List<int[]> branching(Random random, int[] contexts) {
    List<int[]> tables = new ArrayList<>();
    int next = 0;
    for (int s = 0; s < contexts.length; s++) {
      int[] table = new int[2 + random.nextInt(12)];
      int kept = 0;
      if (s > 0 && random.nextInt(6) > 0) {
        int[] other = tables.get(random.nextInt(s));
        kept = Math.min(random.nextInt(other.length + 4), Math.min(other.length, table.length - 1));
        System.arraycopy(other, 0, table, 0, kept);
      }
      for (int i = kept; i < table.length; i++) {
        table[i] = next++;
      }
      tables.add(table);
      // the last token is in a block of its own
      contexts[s] = kept * PAGE + 1 + random.nextInt((table.length - kept) * PAGE);
    }
    return tables;
  }
}
