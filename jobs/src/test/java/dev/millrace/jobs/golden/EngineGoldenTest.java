package dev.millrace.jobs.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.request.ChatMessage;
import dev.millrace.api.request.Choice;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FinishReason;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.engine.LocalEngineFactory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Messages to text through the whole engine, against what transformers made of them. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class EngineGoldenTest {
  private static final double LOGPROB_TOLERANCE = 1e-3;

  @TempDir private static Path folder;

  @BeforeAll
  void convert() throws IOException {
    for (String model :
        List.of("tiny-qwen2.5", "tiny-qwen2.5-awq", "tiny-qwen2.5-gptq", "tiny-qwen2-vl")) {
      SampleData.convert(model, folder.resolve(model)).close();
    }
  }

  private static Engine open(String model, EngineSettings settings) {
    return new LocalEngineFactory(folder.resolve(model).toString(), settings).openEngine();
  }

  private static EngineSettings settings(String backend, int ranks, int batch) {
    return new EngineSettings(backend, ranks, batch, 256, 0, 256, true, 0, 60_000);
  }

  static Prompt chat(JsonNode row) {
    List<ChatMessage> messages = new ArrayList<>();
    for (JsonNode message : row.get("messages")) {
      messages.add(new ChatMessage(message.get("role").asText(), message.get("content").asText()));
    }
    return new Prompt.Chat(messages);
  }

  private static Map<String, Completion> run(Engine engine, List<GenerationRequest> requests)
      throws InterruptedException {
    BlockingQueue<Completion> arrived = new LinkedBlockingQueue<>();
    for (GenerationRequest request : requests) {
      engine.submit(request, arrived::add);
    }
    Map<String, Completion> completions = new ConcurrentHashMap<>();
    for (int i = 0; i < requests.size(); i++) {
      Completion completion = arrived.poll(60, TimeUnit.SECONDS);
      assertNotNull(completion, "nothing came for 60 s");
      assertFalse(completion.isFailed(), () -> String.valueOf(completion.failure()));
      completions.put(completion.id(), completion);
    }
    assertEquals(requests.size(), completions.size());
    return completions;
  }

  @ParameterizedTest
  @CsvSource({
    // model, backend, ranks, sequences at once, prefix cache, rows
    "tiny-qwen2.5,      cpu,       1, 64, true,  200",
    "tiny-qwen2.5,      cpu,       1, 64, false, 100",
    "tiny-qwen2.5,      cpu,       1,  3, true,  100",
    "tiny-qwen2.5,      cpu,       1,  1, true,   20",
    "tiny-qwen2.5,      cpu,       2, 64, true,   60",
    "tiny-qwen2.5,      cpu,       4,  3, true,   40",
    "tiny-qwen2.5,      reference, 1, 64, true,   12",
    "tiny-qwen2.5-awq,  cpu,       1, 64, true,  200",
    "tiny-qwen2.5-awq,  cpu,       2,  3, false,  40",
    "tiny-qwen2.5-gptq, auto,      1, 64, true,  200",
    "tiny-qwen2.5-gptq, cpu,       4,  3, true,   40",
  })
  void messagesBecomeTheTextOfTransformers(
      String model, String backend, int ranks, int batch, boolean prefixCache, int rows)
      throws Exception {
    List<JsonNode> golden = SampleData.golden(model).subList(0, rows);
    SamplingSettings sampling = SamplingSettings.builder().maxTokens(64).logprobs(5).build();
    List<GenerationRequest> requests = new ArrayList<>();
    for (JsonNode row : golden) {
      requests.add(new GenerationRequest(row.get("id").asText(), chat(row), sampling));
    }
    EngineSettings settings = settings(backend, ranks, batch).withPrefixCache(prefixCache);
    try (Engine engine = open(model, settings)) {
      Map<String, Completion> first = run(engine, requests);
      for (JsonNode row : golden) {
        check(row, first.get(row.get("id").asText()));
      }

      long cachedBefore = engine.statistics().cachedTokens();
      continueFromTheMiddle(engine, golden);
      long cached = engine.statistics().cachedTokens() - cachedBefore;
      boolean roomy = batch == 64; // the cache of a small batch holds too few blocks to be sure
      assertTrue(cached > 0 == prefixCache || !roomy, "cached tokens: " + cached);
    }
  }

  @Test
  void conversationsWithoutPicturesAreAnsweredByQwen2VlToo() throws Exception {
    List<JsonNode> golden = SampleData.golden("tiny-qwen2-vl");
    SamplingSettings sampling = SamplingSettings.builder().maxTokens(64).logprobs(5).build();
    List<GenerationRequest> requests = new ArrayList<>();
    for (JsonNode row : golden) {
      requests.add(new GenerationRequest(row.get("id").asText(), chat(row), sampling));
    }
    try (Engine engine = open("tiny-qwen2-vl", settings("cpu", 1, 8))) {
      Map<String, Completion> found = run(engine, requests);
      for (JsonNode row : golden) {
        check(row, found.get(row.get("id").asText()));
      }
    }
  }

  /**
   * Prompt and first tokens of a golden as the prompt: the rest must follow, from cached blocks.
   */
  private static void continueFromTheMiddle(Engine engine, List<JsonNode> golden)
      throws InterruptedException {
    SamplingSettings sampling = SamplingSettings.builder().maxTokens(64).build();
    List<GenerationRequest> requests = new ArrayList<>();
    Map<String, int[]> expected = new ConcurrentHashMap<>();
    for (JsonNode row : golden) {
      int[] prompt = SampleData.ints(row.get("prompt_token_ids"));
      int[] drawn = SampleData.ints(row.get("token_ids"));
      int kept = drawn.length - 2;
      if (prompt.length + kept > 64) {
        int[] longer = Arrays.copyOf(prompt, prompt.length + kept);
        System.arraycopy(drawn, 0, longer, prompt.length, kept);
        String id = "continued-" + row.get("id");
        expected.put(id, Arrays.copyOfRange(drawn, kept, drawn.length));
        requests.add(new GenerationRequest(id, new Prompt.Tokens(longer), sampling));
      }
    }
    assertFalse(requests.isEmpty(), "no golden is longer than a block");
    run(engine, requests)
        .forEach(
            (id, completion) ->
                assertArrayEquals(expected.get(id), completion.choices().get(0).tokenIds(), id));
  }

  private static void check(JsonNode row, Completion completion) {
    String what = "row " + row.get("id");
    Choice choice = completion.choices().get(0);
    assertArrayEquals(SampleData.ints(row.get("token_ids")), choice.tokenIds(), what);
    assertEquals(row.get("text").asText(), choice.text(), what);
    assertEquals(row.get("prompt_token_ids").size(), completion.usage().promptTokens(), what);
    assertEquals(
        row.get("cum_logprob").doubleValue(), choice.cumulativeLogprob(), LOGPROB_TOLERANCE, what);
    JsonNode top = row.get("top_logprobs");
    for (int i = 0; i < top.size(); i++) {
      assertEquals(
          top.get(i).get(1).doubleValue(),
          choice.logprobs().get(0).topLogprobs()[i],
          LOGPROB_TOLERANCE,
          what + ", alternative " + i);
    }
  }

  /** What was drawn, scored as a continuation, has the log-probability that it was drawn with. */
  @Test
  void scoringAgreesWithGeneration() throws Exception {
    List<JsonNode> golden = SampleData.golden("tiny-qwen2.5").subList(0, 30);
    List<GenerationRequest> requests = new ArrayList<>();
    for (JsonNode row : golden) {
      requests.add(
          new GenerationRequest(
              row.get("id").asText(),
              new Prompt.Tokens(SampleData.ints(row.get("prompt_token_ids"))),
              new Prompt.Tokens(SampleData.ints(row.get("token_ids"))),
              SamplingSettings.builder().promptLogprobs(1).logprobs(1).build()));
    }
    try (Engine engine = open("tiny-qwen2.5", settings("cpu", 1, 8))) {
      Map<String, Completion> completions = run(engine, requests);
      for (JsonNode row : golden) {
        Completion completion = completions.get(row.get("id").asText());
        Choice choice = completion.choices().get(0);
        assertEquals(FinishReason.SCORED, choice.finishReason());
        assertEquals(
            row.get("cum_logprob").doubleValue(), choice.cumulativeLogprob(), LOGPROB_TOLERANCE);
        assertEquals(row.get("prompt_token_ids").size() - 1, completion.promptLogprobs().size());
        choice.logprobs().forEach(l -> assertEquals(l.tokenId(), l.topTokenIds()[0], "greedy"));
      }
    }
  }

  /** Random draws are keyed by seed and index: no batch, chunk, prefix hit or preemption shows. */
  @Test
  void seededDrawsAreTheSameInAnyBatch() throws Exception {
    List<JsonNode> golden = SampleData.golden("tiny-qwen2.5").subList(0, 60);
    SamplingSettings sampling =
        SamplingSettings.builder()
            .maxTokens(48)
            .temperature(6)
            .topP(0.999)
            .topK(50)
            .repetitionPenalty(1.1)
            .n(2)
            .build();
    List<GenerationRequest> requests = new ArrayList<>();
    for (JsonNode row : golden) {
      requests.add(
          new GenerationRequest(
              "row-" + row.get("id"),
              new Prompt.Tokens(SampleData.ints(row.get("prompt_token_ids"))),
              sampling));
    }
    long tightBytes;
    Map<String, Completion> wide;
    try (Engine engine = open("tiny-qwen2.5", settings("cpu", 1, 64))) {
      wide = run(engine, requests);
      tightBytes =
          engine.info().memory().stream()
                  .filter(entry -> entry.purpose().equals("kv-cache"))
                  .mapToLong(entry -> entry.usedBytes())
                  .sum()
              / 32;
    }
    EngineSettings narrow = new EngineSettings("cpu", 1, 17, 19, tightBytes, 256, false, 0, 60_000);
    try (Engine engine = open("tiny-qwen2.5", narrow)) {
      Map<String, Completion> tight = run(engine, requests);
      int distinct = 0;
      for (GenerationRequest request : requests) {
        List<Choice> expected = wide.get(request.id()).choices();
        List<Choice> found = tight.get(request.id()).choices();
        for (int i = 0; i < 2; i++) {
          assertArrayEquals(expected.get(i).tokenIds(), found.get(i).tokenIds(), request.id());
          assertEquals(
              expected.get(i).cumulativeLogprob(), found.get(i).cumulativeLogprob(), request.id());
        }
        distinct += expected.get(0).text().equals(expected.get(1).text()) ? 0 : 1;
      }
      assertTrue(distinct > 20, distinct + " of 60 rows have two different choices");
    }
  }
}
