package dev.millrace.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.millrace.api.request.Choice;
import dev.millrace.api.request.FinishReason;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.engine.schedule.ScriptedExecutor;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How choices end, over a phrase of ten letters and a prompt of ten. */
class StopRulesTest {
  private static final String PROMPT = "xxxxxxxxxx";
  private static final String PHRASE = "the cat is";

  private static Choice run(SamplingSettings.Builder settings) throws InterruptedException {
    return run(PhraseExecutor.saying(PHRASE), settings);
  }

  private static Choice run(PhraseExecutor executor, SamplingSettings.Builder settings)
      throws InterruptedException {
    try (EngineFixture fixture = new EngineFixture(executor)) {
      return fixture.choice(PROMPT, settings.build());
    }
  }

  private static SamplingSettings.Builder tokens(int max) {
    return SamplingSettings.builder().maxTokens(max);
  }

  private static PhraseExecutor ending() {
    int[] phrase = ScriptedText.tokens(PHRASE);
    phrase[7] = ScriptedExecutor.END;
    return new PhraseExecutor(phrase);
  }

  @Test
  void maximumLengthEndsWithReasonLength() throws InterruptedException {
    Choice choice = run(tokens(13));

    assertEquals("the cat isthe", choice.text());
    assertEquals(FinishReason.LENGTH, choice.finishReason());
    assertNull(choice.stoppedBy());
    assertEquals(13, choice.tokenIds().length);
    assertEquals(13 * -0.5, choice.cumulativeLogprob());
  }

  @Test
  void endOfContextEndsWithReasonLength() throws InterruptedException {
    try (EngineFixture fixture = new EngineFixture(PhraseExecutor.saying(PHRASE))) {
      fixture.contextTokensMax = 70;
      Choice choice = fixture.choice(PROMPT, tokens(1000).build());

      assertEquals(60, choice.tokenIds().length);
      assertEquals(FinishReason.LENGTH, choice.finishReason());
    }
  }

  @Test
  void stopTextAcrossTokensIsCutOff() throws InterruptedException {
    Choice choice = run(tokens(50).stop(List.of("zebra", "cat i")));

    assertEquals("the ", choice.text());
    assertEquals(FinishReason.STOP, choice.finishReason());
    assertEquals("cat i", choice.stoppedBy());
  }

  @Test
  void stopTextIsKeptIfAsked() throws InterruptedException {
    assertEquals("the cat", run(tokens(50).stop(List.of("cat")).includeStop(true)).text());
  }

  @Test
  void stopTextInTheLastHeldBackLetterIsFound() throws InterruptedException {
    Choice choice = run(tokens(7).stop(List.of("cat")));

    assertEquals("the ", choice.text());
    assertEquals(FinishReason.STOP, choice.finishReason());
  }

  @Test
  void stopTextCountsOnlyAfterTheMinimumLength() throws InterruptedException {
    Choice choice = run(tokens(50).stop(List.of("cat")).minTokens(9));

    assertEquals("the cat isthe ", choice.text());
  }

  @Test
  void promptIsNotSearchedForStopTexts() throws InterruptedException {
    assertEquals("the cat", run(tokens(7).stop(List.of("xx"))).text());
  }

  @Test
  void endTokenEndsAndIsNoText() throws InterruptedException {
    Choice choice = run(ending(), tokens(50).skipSpecialTokens(false));

    assertEquals("the cat", choice.text());
    assertEquals(FinishReason.STOP, choice.finishReason());
    assertEquals(ScriptedText.END_TEXT, choice.stoppedBy());
    assertEquals(8, choice.tokenIds().length);
    assertEquals(ScriptedExecutor.END, choice.tokenIds()[7]);
  }

  @Test
  void endTokenIsIgnoredIfAsked() throws InterruptedException {
    Choice shown = run(ending(), tokens(10).ignoreEos(true).skipSpecialTokens(false));
    Choice skipped = run(ending(), tokens(10).ignoreEos(true));

    assertEquals("the catENDis", shown.text());
    assertEquals("the catis", skipped.text());
    assertEquals(FinishReason.LENGTH, skipped.finishReason());
    assertEquals(10, skipped.tokenIds().length);
  }

  @Test
  void stopTokenEndsEvenWhereEndTokensAreIgnored() throws InterruptedException {
    int stop = ScriptedText.token('c');
    Choice choice = run(tokens(50).stopTokenIds(List.of(stop)).ignoreEos(true));

    assertEquals("the ", choice.text());
    assertEquals("c", choice.stoppedBy());
    assertArrayEquals(ScriptedText.tokens("the c"), choice.tokenIds());
    assertEquals("the c", run(tokens(50).stopTokenIds(List.of(stop)).includeStop(true)).text());
  }
}
