package dev.millrace.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.request.ChatMessage;
import dev.millrace.api.request.Choice;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.FinishReason;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.api.request.TokenLogprob;
import dev.millrace.engine.schedule.ScriptedExecutor;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LocalEngineTest {
  private static final Prompt PROMPT = new Prompt.Text("hello there");

  private static EngineFixture scripted() {
    return new EngineFixture(new ScriptedExecutor(64, ScriptedText.VOCABULARY));
  }

  private static SamplingSettings.Builder tokens(int max) {
    return SamplingSettings.builder().maxTokens(max).minTokens(max);
  }

  @Test
  void textChatAndTokensOfTheSamePromptGiveTheSameAnswer() throws InterruptedException {
    try (EngineFixture fixture = scripted()) {
      SamplingSettings settings = tokens(20).seed(5L).build();
      Choice text = fixture.run(PROMPT, settings).choices().get(0);
      Choice ids =
          fixture
              .run(new Prompt.Tokens(ScriptedText.tokens("hello there")), settings)
              .choices()
              .get(0);
      Choice chat =
          fixture
              .run(new Prompt.Chat(List.of(new ChatMessage("user", "hello there"))), settings)
              .choices()
              .get(0);

      assertArrayEquals(text.tokenIds(), ids.tokenIds());
      assertArrayEquals(text.tokenIds(), chat.tokenIds());
      assertEquals(text.text(), chat.text());
    }
  }

  @Test
  void everyChoiceCanBeHadAgainAloneWithItsSeed() throws InterruptedException {
    try (EngineFixture fixture = scripted()) {
      Completion three = fixture.run(PROMPT, tokens(12).n(3).build());
      assertEquals(3, three.choices().size());
      assertEquals(RequestSeeds.ofId("r0"), three.choices().get(0).seed());
      assertEquals(36, three.usage().outputTokens());
      assertEquals(11, three.usage().promptTokens());
      for (Choice choice : three.choices()) {
        Completion again = fixture.run(PROMPT, tokens(12).seed(choice.seed()).build());
        assertArrayEquals(choice.tokenIds(), again.choices().get(0).tokenIds());
        assertEquals(choice.seed(), again.choices().get(0).seed());
      }
      assertNotEquals(three.choices().get(0).text(), three.choices().get(1).text());
    }
  }

  @Test
  void listenerHearsOfEveryStepInOrder() throws InterruptedException {
    try (EngineFixture fixture = scripted()) {
      fixture.run(PROMPT, tokens(20).build());

      List<StepTimes> steps = fixture.steps;
      assertEquals(fixture.engine().statistics().steps(), steps.size());
      assertEquals(11 + 20 - 1, steps.stream().mapToInt(StepTimes::tokens).sum());
      assertEquals(20, steps.stream().mapToInt(StepTimes::draws).sum());
      long before = Long.MIN_VALUE;
      for (StepTimes step : steps) {
        assertTrue(before <= step.planStartNanos(), steps.toString());
        assertTrue(step.planStartNanos() <= step.executeStartNanos(), steps.toString());
        assertTrue(step.executeStartNanos() <= step.executeEndNanos(), steps.toString());
        assertTrue(step.executeEndNanos() <= step.commitEndNanos(), steps.toString());
        before = step.commitEndNanos();
      }
    }
  }

  /** First eight bytes of SHA-256 of "abc", as FIPS 180-2 prints it. */
  @Test
  void seedOfAnIdIsTheStartOfItsSha256() {
    assertEquals(0xba7816bf_8f01cfeaL, RequestSeeds.ofId("abc"));
  }

  @Test
  void logprobsComeAsAsked() throws InterruptedException {
    try (EngineFixture fixture = scripted()) {
      Completion none = fixture.run(PROMPT, tokens(4).build());
      assertTrue(none.choices().get(0).logprobs().isEmpty() && none.promptLogprobs().isEmpty());

      Completion asked = fixture.run(PROMPT, tokens(4).logprobs(3).promptLogprobs(0).n(2).build());
      assertEquals(10, asked.promptLogprobs().size(), "from the second prompt token on");
      assertEquals(
          ScriptedText.token('e'), asked.promptLogprobs().get(0).tokenId(), "hello: e is second");
      for (Choice choice : asked.choices()) {
        assertEquals(4, choice.logprobs().size());
        double sum = 0;
        for (int i = 0; i < 4; i++) {
          TokenLogprob logprob = choice.logprobs().get(i);
          assertEquals(choice.tokenIds()[i], logprob.tokenId());
          assertEquals(3, logprob.topTokenIds().length);
          sum += logprob.logprob();
        }
        assertEquals(sum, choice.cumulativeLogprob());
      }
    }
  }

  @Test
  void continuationIsScoredNotGenerated() throws InterruptedException {
    try (EngineFixture fixture = scripted()) {
      SamplingSettings settings = SamplingSettings.builder().logprobs(2).build();
      Completion completion =
          fixture.run(new GenerationRequest("s", PROMPT, new Prompt.Text(" you"), settings));

      Choice choice = completion.choices().get(0);
      assertEquals(FinishReason.SCORED, choice.finishReason());
      assertArrayEquals(ScriptedText.tokens(" you"), choice.tokenIds());
      assertEquals(" you", choice.text());
      assertEquals(4, choice.logprobs().size());
      assertEquals(0, completion.usage().outputTokens());
      long state = 0;
      double expected = 0;
      int[] all = ScriptedText.tokens("hello there you");
      for (int i = 0; i < all.length; i++) {
        expected += i >= 11 ? ScriptedExecutor.logprob(state, all[i]) : 0;
        state = ScriptedExecutor.next(state, all[i], i);
      }
      assertEquals(expected, choice.cumulativeLogprob(), 1e-9);
    }
  }

  @Test
  void whatCannotBeServedFailsAloneWithItsReason() throws InterruptedException {
    try (EngineFixture fixture = scripted()) {
      fixture.contextTokensMax = 100;
      int[] long99 = new int[99];
      int[] long100 = new int[100];
      java.util.Arrays.fill(long99, 1);
      java.util.Arrays.fill(long100, 1);
      SamplingSettings plain = SamplingSettings.greedy();
      int beyond = ScriptedText.VOCABULARY;

      assertFailure(fixture, new Prompt.Text(""), plain, FailureReason.PROMPT_EMPTY);
      assertFailure(fixture, new Prompt.Tokens(new int[0]), plain, FailureReason.PROMPT_EMPTY);
      assertFailure(
          fixture, new Prompt.Tokens(new int[] {1, beyond}), plain, FailureReason.PROMPT_INVALID);
      assertFailure(
          fixture, new Prompt.Tokens(new int[] {-1}), plain, FailureReason.PROMPT_INVALID);
      assertFailure(fixture, new Prompt.Text("1"), plain, FailureReason.PROMPT_INVALID);
      assertFailure(fixture, new Prompt.Tokens(long100), plain, FailureReason.PROMPT_TOO_LONG);
      assertFailure(
          fixture, new Prompt.Tokens(long99), tokens(2).build(), FailureReason.PROMPT_TOO_LONG);
      assertFailure(
          fixture,
          PROMPT,
          SamplingSettings.builder().logitBias(Map.of(beyond, 1.0)).build(),
          FailureReason.SETTINGS_INVALID);
      assertFailure(
          fixture,
          PROMPT,
          SamplingSettings.builder().stopTokenIds(List.of(-2)).build(),
          FailureReason.SETTINGS_INVALID);
      assertFailure(fixture, new Prompt.Text("crash"), plain, FailureReason.ENGINE_FAILED);
      Completion scored =
          fixture.run(
              new GenerationRequest("s", new Prompt.Tokens(long99), new Prompt.Text("ab"), plain));
      assertEquals(FailureReason.PROMPT_TOO_LONG, scored.failure().reason());
      assertTrue(scored.failure().message().contains("by 1 tokens"), scored.failure().message());
      assertEquals(
          FailureReason.PROMPT_EMPTY,
          fixture
              .run(new GenerationRequest("t", PROMPT, new Prompt.Text(""), plain))
              .failure()
              .reason());

      assertEquals(1, fixture.choice("ok", tokens(1).build()).tokenIds().length);
      assertEquals(13, fixture.engine().statistics().requests());
    }
  }

  private static void assertFailure(
      EngineFixture fixture, Prompt prompt, SamplingSettings settings, FailureReason reason)
      throws InterruptedException {
    Completion completion = fixture.run(prompt, settings);
    assertTrue(completion.isFailed());
    assertEquals(reason, completion.failure().reason(), completion.failure().message());
  }

  @Test
  void promptThatLeavesRoomForOneTokenIsServed() throws InterruptedException {
    try (EngineFixture fixture = scripted()) {
      fixture.contextTokensMax = 100;
      int[] prompt = new int[99];
      java.util.Arrays.fill(prompt, 1);
      Completion completion = fixture.run(new Prompt.Tokens(prompt), SamplingSettings.greedy());

      assertEquals(1, completion.choices().get(0).tokenIds().length);
    }
  }

  @Test
  void logitsThatAreNotNumbersFailTheirRequestAlone() throws InterruptedException {
    PhraseExecutor executor = PhraseExecutor.saying("abc");
    try (EngineFixture fixture = new EngineFixture(executor)) {
      executor.notNumbers = true;
      assertFailure(fixture, PROMPT, tokens(5).n(3).build(), FailureReason.ENGINE_FAILED);
      executor.notNumbers = false;
      assertFalse(fixture.run(PROMPT, tokens(5).build()).isFailed());
    }
  }

  @Test
  void choicesShareTheirPromptThroughThePrefixCache() throws InterruptedException {
    try (EngineFixture fixture = scripted()) {
      Prompt prompt = new Prompt.Text("a".repeat(200));
      fixture.run(prompt, tokens(2).n(5).build());

      EngineStatistics statistics = fixture.engine().statistics();
      assertEquals(5 * 200, statistics.promptTokens());
      assertEquals(4 * 192, statistics.cachedTokens());
      assertEquals(5 * 201 - 4 * 192, statistics.computedTokens());
      assertEquals(10, statistics.outputTokens());
      Completion later = fixture.run(prompt, tokens(2).build());
      assertEquals(192, later.usage().cachedTokens());
    }
  }
}
