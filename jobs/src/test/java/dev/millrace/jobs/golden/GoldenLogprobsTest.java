package dev.millrace.jobs.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.compute.ReferenceBackendFactory;
import dev.millrace.engine.model.GreedySampler;
import dev.millrace.engine.model.RankedExecutor;
import dev.millrace.engine.model.StepDriver;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Random models of the architectures that no trained sample covers, converted, against the
 * log-probabilities that transformers gives the same tokens in float32. Random weights have near
 * ties, so no text is generated.
 */
final class GoldenLogprobsTest {
  private static final double LOGPROB_TOLERANCE = 1e-3;

  @TempDir private Path folder;

  @ParameterizedTest
  @CsvSource({
    "random-qwen3, 1", "random-qwen3, 2", "random-qwen3, 8",
    "random-qwen2, 1", "random-qwen2, 2", "random-qwen2, 6",
    "random-llama3, 1", "random-llama3, 2", "random-llama3, 4",
    "random-llama2, 1", "random-llama2, 2", "random-llama2, 4",
  })
  void logprobsAreThoseOfTransformers(String model, int ranks) throws IOException {
    List<JsonNode> golden = SampleData.golden(model);
    assertEquals(4, golden.size());
    try (Workspace workspace = SampleData.convert(model, folder.resolve("ws"));
        RankedExecutor executor = open(workspace, ranks)) {
      StepDriver driver = new StepDriver(executor, 128);
      for (JsonNode row : golden) {
        int[] tokens = SampleData.ints(row.get("token_ids"));

        float[] found = driver.score(tokens, 128);

        JsonNode expected = row.get("logprobs");
        assertEquals(expected.size(), found.length);
        for (int i = 0; i < found.length; i++) {
          assertEquals(
              expected.get(i).doubleValue(),
              found[i],
              LOGPROB_TOLERANCE,
              "token %d of %d".formatted(i + 1, tokens.length));
        }
      }
    }
  }

  private static RankedExecutor open(Workspace workspace, int ranks) {
    EngineSettings settings =
        new EngineSettings("reference", ranks, 4, 128, 0, 256, true, 0, 600_000);
    int vocabulary = workspace.manifest().shape().vocabularySize();
    return RankedExecutor.openOnHost(
        workspace, settings, new ReferenceBackendFactory(), () -> new GreedySampler(vocabulary));
  }
}
