package dev.millrace.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.cuda.device.CudaDevices;
import dev.millrace.cuda.device.DeviceContext;
import dev.millrace.engine.compute.ReferenceBackendFactory;
import dev.millrace.engine.model.GreedySampler;
import dev.millrace.engine.model.RankedExecutor;
import dev.millrace.engine.model.StepDriver;
import dev.millrace.engine.model.TinyModel;
import dev.millrace.engine.schedule.Scheduler;
import dev.millrace.engine.schedule.SchedulerLimits;
import dev.millrace.engine.schedule.Sequence;
import dev.millrace.engine.schedule.SequenceListener;
import dev.millrace.engine.step.DrawState;
import dev.millrace.engine.step.StepExecutor;
import dev.millrace.engine.step.StepPlan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Small models on a GPU beside the reference on the CPU; several ranks share the one GPU. */
@Tag("gpu")
final class CudaExecutorTest {
  private static final int VOCABULARY = 101;
  private static final int TOKENS = 150;

  /** Bf16 keeps 8 bits: two layers of it cost a few of a thousand of what logits vary by. */
  private static final double ERROR_MAX = 0.02;

  @TempDir private Path folder;

  /**
   * @param chunk tokens of a step: of up to 32 rows int4 products are sums until they are asked for
   */
  record Case(String name, TinyModel model, int ranks, int chunk) {
    Case(String name, TinyModel model, int ranks) {
      this(name, model, ranks, 37);
    }

    @Override
    public String toString() {
      return name + " on " + ranks + " ranks";
    }
  }

  static Stream<Case> cases() {
    Stream.Builder<Case> cases = Stream.builder();
    for (int ranks : new int[] {1, 2, 4, 8}) {
      cases.add(new Case("llama", TinyModel.llama(), ranks));
      cases.add(new Case("qwen2", TinyModel.qwen2(), ranks));
      cases.add(new Case("qwen3", TinyModel.qwen3(), ranks));
    }
    cases.add(new Case("int4", TinyModel.int4(), 1));
    cases.add(new Case("int4", TinyModel.int4(), 2));
    cases.add(new Case("int4 head", TinyModel.int4Head(), 1, 20));
    cases.add(new Case("int4 head", TinyModel.int4Head(), 2, 20));
    cases.add(new Case("large vocabulary", TinyModel.largeVocabulary(), 1));
    return cases.build();
  }

  private static EngineSettings settings(int ranks) {
    return new EngineSettings("cuda", ranks, 8, 64, 0, 0, true, 0, 20_000);
  }

  private static int[] tokens(int count) {
    return new Random(5).ints(count, 0, VOCABULARY).toArray();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void logProbabilitiesAreThoseOfTheReference(Case c) throws IOException {
    Gpu.parts();
    float[] found;
    float[] expected;
    try (Workspace workspace = write(c.model())) {
      try (StepExecutor executor =
          CudaExecutor.open(workspace, settings(c.ranks()), Gpu.devices(c.ranks()))) {
        found = new StepDriver(executor, 64).score(tokens(TOKENS), c.chunk());
        float[] again = new StepDriver(executor, 64).score(tokens(TOKENS), c.chunk());
        assertArrayEquals(found, again, "the same steps give the same bits");
      }
      try (StepExecutor reference =
          RankedExecutor.openOnHost(
              workspace,
              settings(1).withBackend("reference"),
              new ReferenceBackendFactory(),
              () -> new GreedySampler(workspace.manifest().shape().vocabularySize()))) {
        expected = new StepDriver(reference, 64).score(tokens(TOKENS), c.chunk());
      }
    }
    double error = error(found, expected);
    assertTrue(error <= ERROR_MAX, c + ": error of log-probabilities " + error);
    System.out.printf("%s: error of log-probabilities %.4f%n", c, error);
  }

  /** Root of the mean squared difference, over the deviation of what is expected. */
  private static double error(float[] found, float[] expected) {
    double mean = 0;
    for (float x : expected) {
      mean += x / expected.length;
    }
    double differences = 0;
    double deviations = 0;
    for (int i = 0; i < expected.length; i++) {
      differences += (found[i] - expected[i]) * (double) (found[i] - expected[i]);
      deviations += (expected[i] - mean) * (expected[i] - mean);
    }
    return Math.sqrt(differences / deviations);
  }

  @Test
  void recordedStepsGiveTheBitsOfStepsAsTheyCome() throws IOException {
    Gpu.parts();
    List<StepDriver.Task> tasks = new ArrayList<>();
    for (int i = 0; i < 7; i++) {
      tasks.add(new StepDriver.Task(tokens(20 + 9 * i), 90, Set.of()));
    }
    List<StepDriver.Generated> recorded;
    List<StepDriver.Generated> plain;
    try (Workspace workspace = write(TinyModel.qwen2())) {
      CudaSettings cuda = CudaSettings.defaults();
      try (StepExecutor executor = CudaExecutor.open(workspace, settings(1), cuda)) {
        recorded = new StepDriver(executor, 64).generate(tasks, 5, 32);
      }
      try (StepExecutor executor =
          CudaExecutor.open(workspace, settings(1), cuda.withGraphs(false))) {
        plain = new StepDriver(executor, 64).generate(tasks, 5, 32);
      }
    }
    for (int i = 0; i < tasks.size(); i++) {
      assertArrayEquals(plain.get(i).tokenIds(), recorded.get(i).tokenIds(), "task " + i);
      assertArrayEquals(plain.get(i).logprobs(), recorded.get(i).logprobs(), "task " + i);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void stepsPlannedAheadGiveTheBitsOfStepsOneByOne(int ranks) throws IOException {
    Gpu.parts();
    List<List<Float>> ahead;
    List<List<Float>> oneByOne;
    try (Workspace workspace = write(TinyModel.qwen2())) {
      try (StepExecutor executor =
          CudaExecutor.open(workspace, settings(ranks), Gpu.devices(ranks))) {
        ahead = drawn(executor, true);
        oneByOne = drawn(executor, false);
      }
    }
    assertEquals(oneByOne, ahead);
  }

  /** Tokens and their log-probabilities of a few sequences, some of which end before others. */
  private static List<List<Float>> drawn(StepExecutor executor, boolean ahead) {
    Scheduler scheduler =
        new Scheduler(new SchedulerLimits(8, 64, 64, executor.kvBlocks(), 256, false));
    List<List<Float>> heard = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      int[] prompt = tokens(20 + 9 * i);
      List<Float> mine = new ArrayList<>();
      heard.add(mine);
      int most = 30 + 11 * i;
      DrawState draw =
          new DrawState(i % 2, 0, 1, 0, 1, 0, 0, Map.of(), new int[0][], new int[0], 7 + i, prompt);
      scheduler.add(Sequence.generating(prompt, null, 0, 0, most, draw, new Listener(mine, most)));
    }
    int underWay = 0;
    int plannedAhead = 0;
    while (!scheduler.isIdle() || underWay > 0) {
      if (underWay == 0) {
        executor.submit(scheduler.plan());
        underWay++;
      }
      StepPlan next = ahead && executor.acceptsNext() ? scheduler.planAhead() : null;
      if (next != null) {
        executor.submit(next);
        underWay++;
        plannedAhead++;
      }
      scheduler.commit(executor.await());
      underWay--;
    }
    assertEquals(ahead, plannedAhead > 50);
    return heard;
  }

  /**
   * So many sequences that attention to their common blocks is worth a kernel of its own: in steps
   * that are recorded, in steps as they come, on two ranks. Without the prefix cache no two have a
   * block in common.
   */
  @Test
  void sequencesThatBeginAlikeGiveWhatTheyGiveWithoutCommonBlocks() throws IOException {
    Gpu.parts();
    int sequences = 8 + 4 * CudaDevices.find().require(0).multiprocessors();
    List<List<Float>> recorded;
    List<List<Float>> plain;
    List<List<Float>> ranks;
    List<List<Float>> apart;
    try (Workspace workspace = write(TinyModel.qwen2())) {
      EngineSettings one = settings(1).withBatch(sequences, 2 * sequences);
      CudaSettings cuda = CudaSettings.defaults();
      try (StepExecutor executor = CudaExecutor.open(workspace, one, cuda)) {
        recorded = begunAlike(executor, sequences, true);
        apart = begunAlike(executor, sequences, false);
      }
      try (StepExecutor executor = CudaExecutor.open(workspace, one, cuda.withGraphs(false))) {
        plain = begunAlike(executor, sequences, true);
      }
      EngineSettings two = settings(2).withBatch(sequences, 2 * sequences);
      try (StepExecutor executor = CudaExecutor.open(workspace, two, Gpu.devices(2))) {
        ranks = begunAlike(executor, sequences, true);
      }
    }
    assertEquals(plain, recorded);
    assertClose(apart, recorded);
    assertClose(apart, ranks);
  }

  /** Tokens and log-probabilities of sequences whose first 200 tokens are the same. */
  private static List<List<Float>> begunAlike(StepExecutor executor, int sequences, boolean cache) {
    Scheduler scheduler =
        new Scheduler(
            new SchedulerLimits(
                sequences, 2 * sequences, sequences, executor.kvBlocks(), 256, cache));
    int most = 12;
    List<List<Float>> heard = new ArrayList<>();
    for (int i = 0; i < sequences; i++) {
      int[] prompt = Arrays.copyOf(tokens(200), 201 + i % 7);
      Arrays.fill(prompt, 200, prompt.length, i % VOCABULARY);
      List<Float> mine = new ArrayList<>();
      heard.add(mine);
      DrawState draw =
          new DrawState(0, 0, 1, 0, 1, 0, 0, Map.of(), new int[0][], new int[0], i, prompt);
      scheduler.add(Sequence.generating(prompt, null, 0, 0, most, draw, new Listener(mine, most)));
      while (i == 0 && mine.isEmpty()) {
        scheduler.commit(executor.execute(scheduler.plan())); // the others find its blocks
      }
    }
    while (!scheduler.isIdle()) {
      scheduler.commit(executor.execute(scheduler.plan()));
    }
    return heard;
  }

  /** Up to the first token that differs, where two were about as likely. */
  private static void assertClose(List<List<Float>> expected, List<List<Float>> found) {
    int compared = 0;
    for (int s = 0; s < expected.size(); s++) {
      List<Float> some = expected.get(s);
      for (int i = 0; i < some.size() && some.get(i).equals(found.get(s).get(i)); i += 2) {
        float difference = Math.abs(some.get(i + 1) - found.get(s).get(i + 1));
        assertTrue(difference <= 0.05, "sequence " + s + " token " + i / 2 + ": " + difference);
        compared++;
      }
    }
    assertTrue(compared >= 8 * expected.size(), compared + " tokens are the same");
  }

  private record Listener(List<Float> heard, int most) implements SequenceListener {
    @Override
    public boolean drawn(int tokenId, float logprob, int[] topTokenIds, float[] topLogprobs) {
      heard.add((float) tokenId);
      heard.add(logprob);
      return heard.size() == 2 * most;
    }

    @Override
    public void scored(int position, float logprob, int[] topTokenIds, float[] topLogprobs) {
      throw new AssertionError("nothing is scored");
    }

    @Override
    public void scoringEnded() {
      throw new AssertionError("nothing is scored");
    }

    @Override
    public void undrawable() {
      throw new AssertionError("no token at " + heard.size());
    }
  }

  @Test
  void memoryIsThePlanAndAllOfItIsGivenBack() throws IOException {
    Gpu.parts();
    try (DeviceContext context = DeviceContext.open(CudaDevices.find().require(0));
        Workspace workspace = write(TinyModel.llama())) {
      long before = context.freeBytes();
      try (CudaExecutor executor = CudaExecutor.open(workspace, settings(2), Gpu.devices(2))) {
        new StepDriver(executor, 64).score(tokens(TOKENS), 37);
        for (MemoryEntry entry : executor.memory()) {
          if (entry.purpose().equals("driver")) {
            continue; // measured, not taken: CudaFootprintTest holds it to the plan from outside
          }
          assertEquals(entry.plannedBytes(), entry.usedBytes(), entry::toString);
        }
      }
      context.use();
      long lost = before - context.freeBytes();
      assertTrue(lost <= 64L << 20, lost + " bytes are still taken");
    }
  }

  private Workspace write(TinyModel model) throws IOException {
    Path path = folder.resolve("ws");
    model.write(path).close();
    return Workspace.open(path);
  }
}
