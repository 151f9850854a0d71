package dev.millrace.jobs.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.model.GreedySampler;
import dev.millrace.engine.model.RankedExecutor;
import dev.millrace.engine.model.StepDriver;
import dev.millrace.engine.model.StepDriver.Generated;
import dev.millrace.engine.model.StepDriver.Task;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Trained sample models, converted, against what transformers computed from the same checkpoints in
 * float32: greedy tokens identical, log-probabilities within 1e-3; on 1, 2 and 4 ranks, alone and
 * in batches, prompts whole and in chunks. A backend's test supplies the backend.
 */
abstract class GoldenTokensTest {
  private static final int STEP_TOKENS_MAX = 256;
  private static final int END_TOKEN_ID = 2; // <|im_end|>
  private static final double LOGPROB_TOLERANCE = 1e-3;

  @TempDir private Path folder;

  abstract BackendFactory backend();

  /** Rows of each golden to check: all 200, but for a backend too slow for a test. */
  abstract int rows();

  static Stream<Arguments> cases() {
    Stream.Builder<Arguments> cases = Stream.builder();
    for (String model : List.of("tiny-qwen2.5", "tiny-qwen2.5-awq", "tiny-qwen2.5-gptq")) {
      for (int ranks : new int[] {1, 2, 4}) {
        // sequences at once, prompt tokens of a sequence in one step
        cases.add(Arguments.of(model, ranks, 1, 1));
        cases.add(Arguments.of(model, ranks, 3, 17));
        cases.add(Arguments.of(model, ranks, 64, 256));
      }
    }
    for (int ranks : new int[] {1, 2}) {
      cases.add(Arguments.of("tiny-qwen2-vl", ranks, 1, 1));
      cases.add(Arguments.of("tiny-qwen2-vl", ranks, 64, 256));
    }
    return cases.build();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void greedyTokensAreThoseOfTransformers(String model, int ranks, int batch, int chunk)
      throws IOException {
    int rows = batch == 1 ? (rows() + 7) / 8 : rows();
    List<JsonNode> golden = SampleData.golden(model);
    golden = golden.subList(0, Math.min(rows, golden.size()));
    List<Task> tasks = new ArrayList<>();
    for (JsonNode row : golden) {
      tasks.add(new Task(SampleData.ints(row.get("prompt_token_ids")), 64, Set.of(END_TOKEN_ID)));
    }
    try (Workspace workspace = SampleData.convert(model, folder.resolve("ws"));
        RankedExecutor executor = open(workspace, ranks)) {

      List<Generated> found =
          new StepDriver(executor, STEP_TOKENS_MAX).generate(tasks, batch, chunk);

      for (int i = 0; i < found.size(); i++) {
        check("row " + i, golden.get(i), found.get(i));
      }
    }
  }

  private static void check(String row, JsonNode golden, Generated found) {
    assertArrayEquals(SampleData.ints(golden.get("token_ids")), found.tokenIds(), row);
    assertEquals(
        golden.get("cum_logprob").doubleValue(),
        found.cumulativeLogprob(),
        LOGPROB_TOLERANCE,
        row + ": sum of log-probabilities");
    JsonNode top = golden.get("top_logprobs");
    for (int i = 0; i < top.size(); i++) {
      String place = row + ": likeliest first token " + i;
      assertEquals(top.get(i).get(0).intValue(), found.firstTopTokenIds()[i], place);
      assertEquals(
          top.get(i).get(1).doubleValue(), found.firstTopLogprobs()[i], LOGPROB_TOLERANCE, place);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 8})
  void storiesIsToldAsByTransformers(int ranks) throws IOException {
    int[] golden = SampleData.ints(SampleData.modelFile("stories260K", "golden_greedy_ids.json"));
    int[] prompt = {golden[0]};
    try (Workspace workspace = SampleData.convert("stories260K", folder.resolve("ws"));
        RankedExecutor executor = open(workspace, ranks)) {

      Generated found =
          new StepDriver(executor, STEP_TOKENS_MAX)
              .generate(List.of(new Task(prompt, golden.length - 1, Set.of())), 1, 1)
              .get(0);

      assertArrayEquals(java.util.Arrays.copyOfRange(golden, 1, golden.length), found.tokenIds());
    }
  }

  @Test
  void goldensAreAllThere() throws IOException {
    for (String model : List.of("tiny-qwen2.5", "tiny-qwen2.5-awq", "tiny-qwen2.5-gptq")) {
      assertEquals(200, SampleData.golden(model).size(), model);
    }
    assertEquals(48, SampleData.golden("tiny-qwen2-vl").size());
  }

  private RankedExecutor open(Workspace workspace, int ranks) {
    EngineSettings settings =
        new EngineSettings(backend().name(), ranks, 64, STEP_TOKENS_MAX, 0, 256, true, 0, 600_000);
    int vocabulary = workspace.manifest().shape().vocabularySize();
    return RankedExecutor.openOnHost(
        workspace, settings, backend(), () -> new GreedySampler(vocabulary));
  }
}
