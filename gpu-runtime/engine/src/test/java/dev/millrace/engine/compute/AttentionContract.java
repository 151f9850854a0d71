package dev.millrace.engine.compute;

import dev.millrace.api.engine.KvCacheType;
import dev.millrace.engine.step.StepPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Verbs on heads: norm, rotation, cache, attention. */
public interface AttentionContract extends BackendUnderTest {

  static Stream<HeadLayout> heads() {
    return Stream.of(
        new HeadLayout(1, 1, 8),
        new HeadLayout(4, 2, 8),
        new HeadLayout(3, 3, 64),
        new HeadLayout(1, 4, 80),
        new HeadLayout(2, 5, 64),
        new HeadLayout(1, 6, 128),
        new HeadLayout(1, 7, 128),
        new HeadLayout(2, 8, 16));
  }

  @ParameterizedTest
  @MethodSource("heads")
  default void headsAreNormedAlone(HeadLayout heads) {
    for (int rows : new int[] {0, 1, 3, 17, 65}) {
      try (BackendFixture fixture = BackendFixture.open(factory())) {
        double[][] x = fixture.rows(rows, heads.qkvWidth());
        TestWeight query = TestWeight.vector("q", DType.BF16, heads.headSize(), fixture.random);
        TestWeight key = TestWeight.vector("k", DType.BF16, heads.headSize(), fixture.random);
        Tensor qkv = fixture.output("qkv", rows, heads.qkvWidth());
        fixture.backend.write(DoubleMath.flat(x, heads.qkvWidth()), qkv, rows);

        fixture.backend.normalizeHeads(
            qkv, heads, fixture.upload(query), fixture.upload(key), 1e-6f, rows);

        fixture.check(
            "normalizeHeads %d rows %s".formatted(rows, heads),
            qkv,
            AttentionMath.normalizeHeads(x, heads, query.values()[0], key.values()[0], 1e-6f),
            BackendFixture.Tolerance.of(4e-6));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("heads")
  default void rotationTurnsPairsHalfAHeadApart(HeadLayout heads) {
    checkRotation(heads, heads.headSize());
  }

  @Test
  default void rotationOfPartOfAHeadLeavesTheRest() {
    checkRotation(new HeadLayout(2, 3, 80), 32);
    checkRotation(new HeadLayout(1, 2, 8), 2);
  }

  private void checkRotation(HeadLayout heads, int rotaryWidth) {
    for (int rows : new int[] {0, 1, 3, 65}) {
      try (BackendFixture fixture = BackendFixture.open(factory())) {
        double[][] x = fixture.rows(rows, heads.qkvWidth());
        int firstPosition = 61;
        StepPlan plan =
            new TestPlans().sequence(firstPosition, new int[rows], new int[] {0, 1, 2}).build();
        Tensor qkv = fixture.output("qkv", rows, heads.qkvWidth());
        fixture.backend.write(DoubleMath.flat(x, heads.qkvWidth()), qkv, rows);
        float[] table = AttentionMath.rotaryTable(130, rotaryWidth);

        fixture.backend.rotate(
            fixture.backend.begin(plan),
            qkv,
            heads,
            fixture.table("rotary", 130, rotaryWidth, table));

        fixture.check(
            "rotate %d rows %s by %d".formatted(rows, heads, rotaryWidth),
            qkv,
            AttentionMath.rotate(x, heads, plan.positions(), table, rotaryWidth),
            BackendFixture.Tolerance.of(1e-6));
      }
    }
  }

  /** Contexts on both sides of block and tile boundaries. */
  List<Integer> CONTEXTS = List.of(1, 2, 63, 64, 65, 127, 128, 129, 513);

  @ParameterizedTest
  @MethodSource("heads")
  default void decodeRowsAttendToTheirWholeContext(HeadLayout heads) {
    List<AttentionCase> sequences = new ArrayList<>();
    for (int context : CONTEXTS) {
      sequences.add(new AttentionCase(context, 1));
    }
    checkAttention(heads, sequences);
  }

  @ParameterizedTest
  @MethodSource("heads")
  default void promptRowsAttendToWhatIsBeforeThem(HeadLayout heads) {
    checkAttention(
        heads,
        List.of(
            new AttentionCase(1, 1),
            new AttentionCase(3, 3),
            new AttentionCase(64, 64),
            new AttentionCase(65, 65),
            new AttentionCase(130, 17)));
  }

  @Test
  default void chunksAndDecodeRowsMixInOneStep() {
    checkAttention(
        new HeadLayout(2, 3, 64),
        List.of(
            new AttentionCase(65, 1),
            new AttentionCase(200, 73),
            new AttentionCase(1, 1),
            new AttentionCase(513, 65),
            new AttentionCase(64, 1)));
  }

  @Test
  default void stepWithoutTokensIsFine() {
    checkAttention(new HeadLayout(1, 7, 128), List.of());
  }

  /**
   * A sequence of an attention case.
   *
   * @param context tokens in the cache after the step
   * @param chunk how many of them the step computes
   */
  record AttentionCase(int context, int chunk) {}

  /** Heads and the type of a cache. */
  record NarrowCase(HeadLayout heads, KvCacheType type) {}

  static Stream<NarrowCase> narrowCases() {
    return heads()
        .flatMap(
            heads ->
                Stream.of(
                    new NarrowCase(heads, KvCacheType.INT8),
                    new NarrowCase(heads, KvCacheType.FP8)));
  }

  @ParameterizedTest
  @MethodSource("narrowCases")
  default void decodeRowsAttendToWhatEightBitsHold(NarrowCase narrow) {
    List<AttentionCase> sequences = new ArrayList<>();
    for (int context : CONTEXTS) {
      sequences.add(new AttentionCase(context, 1));
    }
    checkAttention(narrow.heads(), sequences, narrow.type());
  }

  @ParameterizedTest
  @MethodSource("narrowCases")
  default void promptRowsAttendToWhatEightBitsHold(NarrowCase narrow) {
    checkAttention(
        narrow.heads(),
        List.of(
            new AttentionCase(1, 1),
            new AttentionCase(64, 64),
            new AttentionCase(65, 65),
            new AttentionCase(130, 17),
            new AttentionCase(200, 1)),
        narrow.type());
  }

  static Stream<NarrowCase> beginningCases() {
    HeadLayout small = new HeadLayout(2, 5, 64);
    HeadLayout large = new HeadLayout(2, 7, 128);
    return Stream.of(
        new NarrowCase(small, KvCacheType.AUTO),
        new NarrowCase(small, KvCacheType.INT8),
        new NarrowCase(small, KvCacheType.FP8),
        new NarrowCase(large, KvCacheType.AUTO),
        new NarrowCase(large, KvCacheType.FP8));
  }

  /** So many that a backend which reads common blocks once for all has reason to. */
  @ParameterizedTest
  @MethodSource("beginningCases")
  default void decodeRowsThatBeginAlikeAttendToTheirWholeContext(NarrowCase narrow) {
    int sharedBlocks = 8;
    List<AttentionCase> sequences = new ArrayList<>();
    for (int s = 0; s < 200; s++) {
      sequences.add(new AttentionCase(StepPlan.BLOCK_TOKENS * sharedBlocks + 1 + s % 67, 1));
    }
    checkAttention(narrow.heads(), sequences, sharedBlocks, narrow.type());
  }

  private void checkAttention(HeadLayout heads, List<AttentionCase> sequences) {
    checkAttention(heads, sequences, KvCacheType.AUTO);
  }

  private void checkAttention(
      HeadLayout heads, List<AttentionCase> sequences, KvCacheType cacheType) {
    checkAttention(heads, sequences, 0, cacheType);
  }

  private void checkAttention(
      HeadLayout heads, List<AttentionCase> sequences, int sharedBlocks, KvCacheType cacheType) {
    int sequencesMax = Math.max(16, sequences.size());
    StepLimits limits = new StepLimits(1200, sequencesMax, 1024, 4, heads.qkvWidth(), heads);
    try (BackendFixture fixture = BackendFixture.open(factory(), limits)) {
      AttentionFixture attention =
          new AttentionFixture(fixture, heads, sequences, sharedBlocks, cacheType);
      attention.poisonCache();
      attention.appendBefore();

      Tensor y = attention.attendStep();

      // Values are about 1 and weights sum to 1, so float32 sums lose a few units in 2^-24.
      double loss = 4e-6 + 4 * fixture.epsilon();
      fixture.check(
          "attend %s %s %s".formatted(heads, sequences, cacheType),
          y,
          attention.expected(),
          BackendFixture.Tolerance.of(loss));
    }
  }

  /** The sequences of one case, their rows and their blocks. */
  final class AttentionFixture {
    private static final int LAYERS = 2;
    private static final int LAYER = 1;
    private final BackendFixture fixture;
    private final HeadLayout heads;
    private final List<AttentionCase> sequences;
    private final int sharedTokens;
    private final List<double[][]> rows = new ArrayList<>();
    private final List<int[]> blockTables = new ArrayList<>();
    private final KvCache cache;

    /**
     * @param sharedBlocks whole blocks that all sequences begin with, before the step's tokens
     */
    AttentionFixture(
        BackendFixture fixture,
        HeadLayout heads,
        List<AttentionCase> sequences,
        int sharedBlocks,
        KvCacheType cacheType) {
      this.fixture = fixture;
      this.heads = heads;
      this.sequences = sequences;
      sharedTokens = sharedBlocks * StepPlan.BLOCK_TOKENS;
      int needed = sequences.stream().mapToInt(s -> blocks(s.context()) - sharedBlocks).sum();
      needed += sharedBlocks;
      // Blocks are handed out from the last down, every other one left unused.
      int next = 2 * needed;
      for (AttentionCase sequence : sequences) {
        int shared = rows.isEmpty() ? 0 : sharedBlocks;
        double[][] all = new double[sequence.context()][];
        int before = shared * StepPlan.BLOCK_TOKENS;
        double[][] own = fixture.rows(all.length - before, heads.qkvWidth());
        System.arraycopy(rows.isEmpty() ? own : rows.get(0), 0, all, 0, before);
        System.arraycopy(own, 0, all, before, own.length);
        int[] table = new int[blocks(sequence.context())];
        for (int i = 0; i < table.length; i++) {
          next -= i < shared ? 0 : 2;
          table[i] = i < shared ? blockTables.get(0)[i] : next;
        }
        rows.add(all);
        blockTables.add(table);
      }
      cache = fixture.kvCache(LAYERS, 2 * needed + 1, heads, cacheType);
    }

    private static int blocks(int context) {
      return (context + StepPlan.BLOCK_TOKENS - 1) / StepPlan.BLOCK_TOKENS;
    }

    /** Fills every block of every layer with NaN, so that nothing unwritten can be read unseen. */
    void poisonCache() {
      double[][] poison = new double[StepPlan.BLOCK_TOKENS][heads.qkvWidth()];
      for (double[] row : poison) {
        Arrays.fill(row, Double.NaN);
      }
      Tensor qkv = fixture.input("poison", heads.qkvWidth(), poison);
      for (int block = 0; block < cache.blocks(); block++) {
        StepPlan plan =
            new TestPlans().sequence(0, new int[poison.length], new int[] {block}).build();
        for (int layer = 0; layer < LAYERS; layer++) {
          fixture.backend.appendKv(fixture.backend.begin(plan), qkv, cache, layer);
        }
      }
    }

    /** Appends what the sequences hold before the step. */
    void appendBefore() {
      for (int s = 0; s < sequences.size(); s++) {
        int start = s == 0 ? 0 : sharedTokens;
        int before = sequences.get(s).context() - sequences.get(s).chunk();
        if (before > start) {
          double[][] first = Arrays.copyOfRange(rows.get(s), start, before);
          StepPlan plan =
              new TestPlans().sequence(start, new int[before - start], blockTables.get(s)).build();
          fixture.backend.appendKv(
              fixture.backend.begin(plan),
              fixture.input("before", heads.qkvWidth(), first),
              cache,
              LAYER);
        }
      }
    }

    /** Appends and attends the step's rows. */
    Tensor attendStep() {
      TestPlans plan = new TestPlans();
      List<double[]> stepRows = new ArrayList<>();
      for (int s = 0; s < sequences.size(); s++) {
        AttentionCase sequence = sequences.get(s);
        int before = sequence.context() - sequence.chunk();
        plan.sequence(before, new int[sequence.chunk()], blockTables.get(s));
        stepRows.addAll(Arrays.asList(rows.get(s)).subList(before, sequence.context()));
      }
      StepBatch batch = fixture.backend.begin(plan.build());
      Tensor qkv = fixture.input("qkv", heads.qkvWidth(), stepRows.toArray(new double[0][]));
      Tensor y = fixture.output("y", stepRows.size(), heads.outputWidth());
      fixture.backend.appendKv(batch, qkv, cache, LAYER);
      fixture.backend.attend(batch, qkv, cache, LAYER, y);
      return y;
    }

    double[][] expected() {
      List<double[]> expected = new ArrayList<>();
      double[][] shared =
          sharedTokens == 0
              ? new double[0][]
              : StoredMath.stored(Arrays.copyOf(rows.get(0), sharedTokens), heads, cache.type());
      for (int s = 0; s < sequences.size(); s++) {
        AttentionCase sequence = sequences.get(s);
        double[][] own = Arrays.copyOfRange(rows.get(s), sharedTokens, sequence.context());
        double[][] stored =
            Stream.of(shared, StoredMath.stored(own, heads, cache.type()))
                .flatMap(Arrays::stream)
                .toArray(double[][]::new);
        for (int p = sequence.context() - sequence.chunk(); p < sequence.context(); p++) {
          expected.add(AttentionMath.attend(stored, p, heads));
        }
      }
      return expected.toArray(new double[0][]);
    }
  }
}
