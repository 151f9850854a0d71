package dev.millrace.engine.text.bpe;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Merging against the plainest way of doing it. */
final class PairMergerTest {

  @Test
  void scanAndHeapMergeAsTheNaiveLoopDoes() {
    long seed = Long.getLong("tests.seed", System.nanoTime());
    Random random = new Random(seed);
    for (int round = 0; round < 2_000; round++) {
      Vocabulary.Builder builder = new Vocabulary.Builder();
      List<String> tokens = new ArrayList<>(List.of("a", "b", "c"));
      List<MergeTable.Merge> merges = new ArrayList<>();
      for (int i = 0; i < 12; i++) {
        String left = tokens.get(random.nextInt(tokens.size()));
        String right = tokens.get(random.nextInt(tokens.size()));
        if (!tokens.contains(left + right)) {
          tokens.add(left + right);
        }
        if (!merges.contains(new MergeTable.Merge(left, right))) {
          merges.add(new MergeTable.Merge(left, right));
        }
      }
      for (int id = 0; id < tokens.size(); id++) {
        builder.add(tokens.get(id), id);
      }
      MergeTable table = MergeTable.of(merges, builder.build());
      int length = random.nextInt(round % 2 == 0 ? 49 : 300);
      int[] symbols = random.ints(length, 0, 3).toArray();
      PairMerger merger = new PairMerger(table);
      for (int symbol : symbols) {
        merger.add(symbol);
      }

      merger.merge();

      assertArrayEquals(
          naive(symbols, table),
          Arrays.copyOf(merger.symbols(), merger.length()),
          "tests.seed=" + seed + " round " + round);
    }
  }

  private static int[] naive(int[] symbols, MergeTable table) {
    List<Integer> list = new ArrayList<>(Arrays.stream(symbols).boxed().toList());
    while (true) {
      int best = -1;
      for (int i = 0; i + 1 < list.size(); i++) {
        int rank = table.rank(list.get(i), list.get(i + 1));
        boolean better =
            rank != MergeTable.NO_MERGE
                && (best < 0 || rank < table.rank(list.get(best), list.get(best + 1)));
        best = better ? i : best;
      }
      if (best < 0) {
        return list.stream().mapToInt(Integer::intValue).toArray();
      }
      list.set(best, table.result(table.rank(list.get(best), list.remove(best + 1))));
    }
  }

  @Test
  void mergesOfMissingTokensAreRefused() {
    Vocabulary.Builder builder = new Vocabulary.Builder();
    builder.add("a", 0);
    Vocabulary vocabulary = builder.build();
    List<MergeTable.Merge> merges = List.of(new MergeTable.Merge("a", "a"));

    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> MergeTable.of(merges, vocabulary));

    assertTrue(e.getMessage().contains("'aa'"), e.getMessage());
  }
}
