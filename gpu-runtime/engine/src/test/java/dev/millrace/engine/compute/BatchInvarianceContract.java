package dev.millrace.engine.compute;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.millrace.api.engine.KvCacheType;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The same row gives the same bits alone, in any batch, at any place and in any chunking. */
public interface BatchInvarianceContract extends BackendUnderTest {
  int LENGTH = 197;

  /** How weights and cache of a layer are stored. */
  record LayerTypes(boolean int4, KvCacheType cache) {}

  static Stream<LayerTypes> layers() {
    return Stream.of(
        new LayerTypes(false, KvCacheType.AUTO),
        new LayerTypes(true, KvCacheType.AUTO),
        new LayerTypes(false, KvCacheType.INT8),
        new LayerTypes(true, KvCacheType.FP8));
  }

  @ParameterizedTest
  @MethodSource("layers")
  default void chunksOfAPromptGiveTheBitsOfTheWhole(LayerTypes types) {
    float[] whole = run(types, new int[] {LENGTH}, 0);
    assertArrayEquals(whole, run(types, new int[] {64, 64, 64, 5}, 0), "chunks of 64");
    assertArrayEquals(whole, run(types, new int[] {1, 63, 65, 1, 3, 64}, 0), "ragged chunks");
    assertArrayEquals(whole, run(types, new int[] {100, 97}, 0), "two chunks");
  }

  @ParameterizedTest
  @MethodSource("layers")
  default void tokenByTokenGivesTheBitsOfTheWhole(LayerTypes types) {
    int[] ones = new int[LENGTH];
    Arrays.fill(ones, 1);
    assertArrayEquals(run(types, new int[] {LENGTH}, 0), run(types, ones, 0));
  }

  @ParameterizedTest
  @MethodSource("layers")
  default void neighboursChangeNothing(LayerTypes types) {
    float[] alone = run(types, new int[] {190, 1, 1, 5}, 0);
    for (int neighbours : new int[] {1, 2, 6}) {
      assertArrayEquals(
          alone, run(types, new int[] {190, 1, 1, 5}, neighbours), neighbours + " neighbours");
    }
  }

  @Test
  default void productOfARowDoesNotDependOnItsBatch() {
    for (int inputs : new int[] {1, 8, 172, 576, 4098}) {
      for (WeightLayout layout :
          new WeightLayout[] {WeightLayout.OUTPUT_MAJOR, WeightLayout.INPUT_MAJOR}) {
        for (DType type : DType.values()) {
          try (BackendFixture fixture = BackendFixture.open(factory())) {
            Weight weight =
                fixture.upload(TestWeight.dense("w", type, layout, 97, inputs, fixture.random));
            checkProduct(fixture, weight, inputs, 97);
          }
        }
      }
    }
    try (BackendFixture fixture = BackendFixture.open(factory())) {
      Weight weight = fixture.upload(TestWeight.int4("w", DType.F16, 128, 768, 3, fixture.random));
      checkProduct(fixture, weight, 768, 128);
    }
  }

  private static void checkProduct(BackendFixture fixture, Weight weight, int inputs, int outputs) {
    double[][] x = fixture.rows(65, inputs);
    Tensor together = fixture.output("y", 65, outputs);
    fixture.backend.matmul(fixture.input("x", inputs, x), weight, together, 65);
    float[] expected = fixture.read(together, 65);
    for (int rows : new int[] {1, 2, 3, 5, 17, 64}) {
      for (int last : new int[] {rows, 64, 65}) {
        double[][] some = Arrays.copyOfRange(x, last - rows, last);
        Tensor y = fixture.output("some", rows, outputs);
        fixture.backend.matmul(fixture.input("x", inputs, some), weight, y, rows);
        assertArrayEquals(
            Arrays.copyOfRange(expected, (last - rows) * outputs, last * outputs),
            fixture.read(y, rows),
            () ->
                "%d rows to row %d of %s %s".formatted(rows, last, weight.name(), weight.shape()));
      }
    }
  }

  /**
   * Runs a sequence through one layer in chunks, among neighbours that lie before and after it.
   *
   * @return the layer's output for every token of the sequence
   */
  private float[] run(LayerTypes types, int[] chunks, int neighbours) {
    HeadLayout heads = new HeadLayout(2, 3, 64);
    StepLimits limits = new StepLimits(1024, 8, 256, 4, 1024, heads);
    try (BackendFixture fixture = BackendFixture.open(factory(), limits)) {
      OneLayer layer = new OneLayer(fixture, heads, types, neighbours);
      float[] result = new float[LENGTH * OneLayer.HIDDEN];
      int done = 0;
      for (int chunk : chunks) {
        layer.step(done, chunk, result);
        done += chunk;
      }
      return result;
    }
  }

  /** One decoder layer straight on the verbs. */
  final class OneLayer {
    static final int HIDDEN = 384;
    private static final int FEED_FORWARD = 512;
    private static final int VOCABULARY = 50;
    private static final int BLOCKS_PER_SEQUENCE = 4;
    private final BackendFixture fixture;
    private final Backend backend;
    private final HeadLayout heads;
    private final boolean int4;
    private final int neighbours;
    private final Random weights = new Random(7);
    private final Weight embedding;
    private final Weight norm;
    private final Weight qkvWeight;
    private final Weight bias;
    private final Weight output;
    private final Weight gateUp;
    private final Weight down;
    private final KvCache cache;
    private final Tensor rotary;

    OneLayer(BackendFixture fixture, HeadLayout heads, LayerTypes types, int neighbours) {
      this.fixture = fixture;
      this.backend = fixture.backend;
      this.heads = heads;
      int4 = types.int4();
      this.neighbours = neighbours;
      embedding =
          fixture.upload(
              TestWeight.dense(
                  "embedding", DType.BF16, WeightLayout.OUTPUT_MAJOR, VOCABULARY, HIDDEN, weights));
      norm = fixture.upload(TestWeight.vector("norm", DType.BF16, HIDDEN, weights));
      qkvWeight = matrix("qkv", WeightLayout.OUTPUT_MAJOR, heads.qkvWidth(), HIDDEN);
      bias = fixture.upload(TestWeight.vector("bias", DType.BF16, heads.qkvWidth(), weights));
      output = matrix("output", WeightLayout.INPUT_MAJOR, HIDDEN, heads.outputWidth());
      gateUp = matrix("gate_up", WeightLayout.OUTPUT_MAJOR, 2 * FEED_FORWARD, HIDDEN);
      down = matrix("down", WeightLayout.INPUT_MAJOR, HIDDEN, FEED_FORWARD);
      cache = fixture.kvCache(1, BLOCKS_PER_SEQUENCE * (neighbours + 1), heads, types.cache());
      rotary = fixture.table("rotary", 256, 64, AttentionMath.rotaryTable(256, 64));
    }

    private Weight matrix(String name, WeightLayout layout, int outputs, int inputs) {
      return fixture.upload(
          int4
              ? TestWeight.int4(
                  name,
                  DType.F16,
                  outputs,
                  inputs,
                  layout == WeightLayout.INPUT_MAJOR ? inputs / 128 : 1,
                  weights)
              : TestWeight.dense(name, DType.BF16, layout, outputs, inputs, weights));
    }

    /** Computes a chunk of the sequence, and as many tokens of each neighbour plus its number. */
    void step(int done, int chunk, float[] result) {
      TestPlans plan = new TestPlans();
      int before = 0;
      int first = 0;
      for (int s = 0; s <= neighbours; s++) {
        boolean ours = s == (neighbours + 1) / 2;
        int[] table = new int[BLOCKS_PER_SEQUENCE];
        Arrays.setAll(table, new BlockOrder(s));
        if (ours) {
          first = before;
          plan.sequence(done, tokens(done, chunk, 3), table);
          before += chunk;
        } else {
          int count = 1 + s * 5;
          plan.sequence(0, tokens(0, count, 11 + s), table);
          before += count;
        }
      }
      float[] rows = compute(backend.begin(plan.build()));
      System.arraycopy(rows, first * HIDDEN, result, done * HIDDEN, chunk * HIDDEN);
    }

    private record BlockOrder(int sequence) implements java.util.function.IntUnaryOperator {
      @Override
      public int applyAsInt(int index) {
        return sequence * BLOCKS_PER_SEQUENCE + (index + sequence) % BLOCKS_PER_SEQUENCE;
      }
    }

    private static int[] tokens(int from, int count, int factor) {
      int[] tokens = new int[count];
      Arrays.setAll(tokens, i -> (from + i) * factor % VOCABULARY);
      return tokens;
    }

    private float[] compute(StepBatch batch) {
      int rows = batch.rows();
      Tensor hidden = fixture.output("hidden", rows, HIDDEN);
      Tensor normed = fixture.output("normed", rows, HIDDEN);
      Tensor qkv = fixture.output("qkv", rows, heads.qkvWidth());
      Tensor attended = fixture.output("attended", rows, heads.outputWidth());
      Tensor wide = fixture.output("wide", rows, 2 * FEED_FORWARD);
      Tensor gated = fixture.output("gated", rows, FEED_FORWARD);
      Tensor back = fixture.output("back", rows, HIDDEN);
      backend.embed(batch, embedding, hidden);
      backend.rmsNorm(hidden, norm, 1e-6f, normed, rows);
      backend.matmulAddBias(normed, qkvWeight, bias, qkv, rows);
      backend.rotateThenAppend(batch, qkv, rotary, cache, 0);
      backend.attend(batch, qkv, cache, 0, attended);
      backend.matmul(attended, output, back, rows);
      backend.addThenRmsNorm(back, hidden, norm, 1e-6f, normed, rows);
      backend.matmulThenGate(normed, gateUp, wide, gated, rows);
      backend.matmul(gated, down, back, rows);
      backend.add(hidden, back, rows);
      return fixture.read(hidden, rows);
    }
  }
}
