package dev.millrace.engine.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.workspace.StorageType;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.compute.ReferenceBackendFactory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Decoders of every architecture and rank count against the same model in float64. */
final class DecoderModelTest {
  private static final int STEP_TOKENS_MAX = 96;

  /** Float32 against float64 over a few layers of a few hundred terms. */
  private static final double LOGPROB_TOLERANCE = 2e-5;

  @TempDir private Path folder;

  record Case(String name, TinyModel model, int ranks) {
    @Override
    public String toString() {
      return name + " on " + ranks;
    }
  }

  static Stream<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (int ranks : new int[] {1, 2, 4, 8}) {
      cases.add(new Case("llama", TinyModel.llama(), ranks));
      cases.add(new Case("qwen2", TinyModel.qwen2(), ranks));
      cases.add(new Case("qwen3", TinyModel.qwen3(), ranks));
    }
    for (StorageType storage : new StorageType[] {StorageType.F16, StorageType.BF16}) {
      cases.add(new Case("" + storage, TinyModel.llama().with(m -> m.storage = storage), 2));
    }
    for (int ranks : new int[] {1, 2}) {
      cases.add(new Case("int4", TinyModel.int4(), ranks));
      cases.add(new Case("int4 head", TinyModel.int4Head(), ranks));
    }
    for (int ranks : new int[] {1, 3}) {
      cases.add(new Case("one kv head, both biases", oneKvHead(), ranks));
    }
    cases.add(
        new Case("attention factor", TinyModel.llama().with(m -> m.attentionFactor = 1.2f), 2));
    return cases.stream();
  }

  private static TinyModel oneKvHead() {
    return TinyModel.llama()
        .with(
            m -> {
              m.queryHeads = 3;
              m.kvHeads = 1;
              m.qkvBias = true;
              m.outputBias = true;
              m.tied = false;
              m.feedForward = 1500; // padded to 1536, which three ranks share
              m.supportedRanks = List.of(1, 3);
              m.vocabulary = 1533; // padded to 1536
            });
  }

  @ParameterizedTest
  @MethodSource("cases")
  void logprobsAreThoseOfTheModelInFloat64(Case test) throws IOException {
    int[] tokens = tokens(150, test.model().vocabulary, 1);
    double[][] expected = new DoubleDecoder(test.model()).logprobs(tokens);

    try (Workspace workspace = test.model().write(folder.resolve("ws"));
        RankedExecutor executor = open(workspace, test.ranks(), test.model().vocabulary)) {
      float[] found = new StepDriver(executor, STEP_TOKENS_MAX).score(tokens, 70);

      for (int i = 0; i < found.length; i++) {
        assertEquals(expected[i][tokens[i + 1]], found[i], LOGPROB_TOLERANCE, "token " + (i + 1));
      }
    }
  }

  @Test
  void chunksOfAPromptChangeNoBit() throws IOException {
    try (Workspace workspace = TinyModel.qwen3().write(folder.resolve("ws"));
        RankedExecutor executor = open(workspace, 2, 101)) {
      StepDriver driver = new StepDriver(executor, STEP_TOKENS_MAX);
      int[] tokens = tokens(140, 101, 2);
      float[] whole = driver.score(tokens, 96);

      for (int chunk : new int[] {1, 3, 63, 64, 65}) {
        assertArrayEquals(whole, driver.score(tokens, chunk), "chunks of " + chunk);
      }
    }
  }

  @Test
  void logitsOfMoreRowsThanAreHeldAtOnceChangeNoBit() throws IOException {
    TinyModel model = TinyModel.llama().with(m -> m.contextTokensMax = 600);
    int[] tokens = tokens(600, 101, 4);
    try (Workspace workspace = model.write(folder.resolve("ws"))) {
      assertEquals(
          256,
          MemoryPlan.of(workspace.manifest(), settings(2, 600), new ReferenceBackendFactory())
              .limits()
              .logitRowsMax());
      try (RankedExecutor executor = open(workspace, 2, 101, 600)) {
        StepDriver driver = new StepDriver(executor, 600);

        assertArrayEquals(driver.score(tokens, 100), driver.score(tokens, 600));
      }
    }
  }

  @Test
  void tokensDoNotDependOnTheBatch() throws IOException {
    List<StepDriver.Task> tasks = new ArrayList<>();
    for (int i = 0; i < 17; i++) {
      tasks.add(new StepDriver.Task(tokens(1 + i * 7, 101, i), 12, Set.of()));
    }
    try (Workspace workspace = TinyModel.qwen2().write(folder.resolve("ws"));
        RankedExecutor executor = open(workspace, 4, 101)) {
      StepDriver driver = new StepDriver(executor, STEP_TOKENS_MAX);
      List<StepDriver.Generated> alone = driver.generate(tasks, 1, 96);

      for (int batch : new int[] {3, 17}) {
        List<StepDriver.Generated> together = driver.generate(tasks, batch, 20);
        for (int i = 0; i < tasks.size(); i++) {
          assertArrayEquals(alone.get(i).tokenIds(), together.get(i).tokenIds(), "task " + i);
          assertArrayEquals(alone.get(i).logprobs(), together.get(i).logprobs(), "task " + i);
        }
      }
    }
  }

  private static RankedExecutor open(Workspace workspace, int ranks, int vocabulary) {
    return open(workspace, ranks, vocabulary, STEP_TOKENS_MAX);
  }

  private static RankedExecutor open(
      Workspace workspace, int ranks, int vocabulary, int stepTokensMax) {
    return RankedExecutor.openOnHost(
        workspace,
        settings(ranks, stepTokensMax),
        new ReferenceBackendFactory(),
        () -> new GreedySampler(vocabulary));
  }

  private static EngineSettings settings(int ranks, int stepTokensMax) {
    return EngineSettings.defaults()
        .withBackend("reference")
        .withRanks(ranks)
        .withBatch(17, stepTokensMax);
  }

  private static int[] tokens(int count, int vocabulary, long seed) {
    Random random = new Random(seed);
    return random.ints(count, 0, vocabulary).toArray();
  }
}
