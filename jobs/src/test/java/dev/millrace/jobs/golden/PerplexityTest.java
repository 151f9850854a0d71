package dev.millrace.jobs.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.PromptEncoder;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.api.request.TokenLogprob;
import dev.millrace.engine.LocalEngineFactory;
import dev.millrace.jobs.RepositoryFiles;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Perplexity of the sample model on WikiText-2, through the whole engine, against transformers in
 * float32 on the same windows (sample-data/scripts/perplexity.py).
 */
final class PerplexityTest {
  private static final double RELATIVE_TOLERANCE = 5e-4;

  @TempDir private Path folder;

  @Test
  void perplexityIsThatOfTransformers() throws Exception {
    JsonNode golden = SampleData.goldenObject("perplexity-tiny-qwen2.5.json");
    int window = golden.get("window").intValue();
    SampleData.convert("tiny-qwen2.5", folder.resolve("ws")).close();
    LocalEngineFactory factory =
        new LocalEngineFactory(
            folder.resolve("ws").toString(), EngineSettings.defaults().withBatch(8, 2048));
    int[] tokenIds = tokenIds(factory.openPromptEncoder(), golden.get("tokens").intValue());

    Map<String, Completion> completions = new ConcurrentHashMap<>();
    int windows = (tokenIds.length + window - 1) / window;
    try (Engine engine = factory.openEngine()) {
      CountDownLatch left = new CountDownLatch(windows);
      SamplingSettings sampling = SamplingSettings.builder().maxTokens(1).promptLogprobs(0).build();
      for (int i = 0; i < windows; i++) {
        int[] piece =
            Arrays.copyOfRange(tokenIds, i * window, Math.min(tokenIds.length, (i + 1) * window));
        engine.submit(
            new GenerationRequest("window-" + i, new Prompt.Tokens(piece), sampling),
            completion -> {
              completions.put(completion.id(), completion);
              left.countDown();
            });
      }
      assertTrue(left.await(5, TimeUnit.MINUTES), () -> "windows left: " + left.getCount());
    }

    double sum = 0;
    int scored = 0;
    for (int i = 0; i < windows; i++) {
      Completion completion = completions.get("window-" + i);
      double windowSum = 0;
      for (TokenLogprob token : completion.promptLogprobs()) {
        windowSum -= token.logprob();
        scored++;
      }
      double expected = golden.get("window_nll").get(i).doubleValue();
      assertEquals(expected, windowSum, expected * RELATIVE_TOLERANCE, "window " + i);
      sum += windowSum;
    }
    assertEquals(golden.get("scored").intValue(), scored);
    double perplexity = golden.get("perplexity").doubleValue();
    assertEquals(perplexity, Math.exp(sum / scored), perplexity * RELATIVE_TOLERANCE);
  }

  /**
   * The first tokens of the text, which is long: a part of it that surely holds them is encoded.
   */
  private static int[] tokenIds(PromptEncoder encoder, int count) throws Exception {
    String text =
        Files.readString(
            RepositoryFiles.sampleData("text/wikitext2-test.txt"), StandardCharsets.UTF_8);
    int[] tokenIds = encoder.encode(new Prompt.Text(text.substring(0, count * 16)));
    return Arrays.copyOf(tokenIds, count);
  }
}
