package dev.millrace.engine.sample;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepResult;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SamplerTest {

  @Test
  void greedyTakesTheLargestAndTheLowestIdAmongEquals() {
    assertEquals(2, Draws.greedy().token(1, 3, 7, 7, 2));
    float[] wide = new float[1000];
    wide[129] = 5;
    wide[128] = 5;
    wide[999] = 5;
    assertEquals(128, Draws.greedy().token(wide));
    assertEquals(0, Draws.greedy().token(-3));
  }

  @Test
  void paddingBehindTheVocabularyIsNeverDrawn() {
    float[] logits = {9, 9, 1, 2, 3, 99, 99};
    Sampler sampler = new Sampler(3);
    LogitTask.Draw task = Draws.greedy().task(0);
    StepResult result = Sampler.newResult(java.util.List.of(task));

    sampler.run(task, logits, 2, result, 0);

    assertEquals(2, result.tokenIds()[0]);
    assertEquals(3 - Math.log(Math.exp(1) + Math.exp(2) + Math.exp(3)), result.logprobs()[0], 1e-6);
  }

  @Test
  void logprobsAreThoseOfTheRawDistributionWhateverTheSettings() {
    float[] logits = randomRow(new Random(3), 1013, 4);
    double logSum = logSum(logits);
    Draws draws = Draws.filtered(0.3, 5, 0.9, 0.1);
    draws.repetitionPenalty = 1.3;
    draws.prompt = new int[] {1, 2, 3};

    StepResult result = draws.run(logits);

    assertEquals(logits[result.tokenIds()[0]] - logSum, result.logprobs()[0], 1e-5);
  }

  @Test
  void alternativesAreRankedAndTiesGoToTheLowestId() {
    for (int size : new int[] {3, 130, 5000}) {
      float[] logits = randomRow(new Random(size), size, 3);
      for (int i = 0; i < size; i++) {
        logits[i] = Math.round(logits[i]); // many ties
      }
      for (int count : new int[] {1, 2, 20, 100}) {
        Draws draws = Draws.greedy();
        draws.topLogprobs = count;
        StepResult result = draws.run(logits);

        int[] expected = ReferenceSampler.ranked(toDouble(logits));
        int kept = Math.min(count, size);
        assertArrayEquals(
            java.util.Arrays.copyOf(expected, kept),
            result.topTokenIds()[0],
            "vocabulary " + size + ", count " + count);
        assertEquals(logits[expected[0]] - logSum(logits), result.topLogprobs()[0][0], 1e-5);
        assertEquals(kept, result.topLogprobs()[0].length);
        assertEquals(result.tokenIds()[0], result.topTokenIds()[0][0]);
      }
    }
  }

  @Test
  void scoreReportsTheTarget() {
    float[] logits = {1, 2, 3};
    StepResult result = Draws.run(new Sampler(3), new LogitTask.Score(0, 2, 1), logits);

    assertEquals(1, result.tokenIds()[0]);
    assertEquals(2 - logSum(logits), result.logprobs()[0], 1e-6);
    assertArrayEquals(new int[] {2, 1}, result.topTokenIds()[0]);
  }

  @Test
  void rowIsLeftAsItWas() {
    float[] logits = randomRow(new Random(1), 300, 2);
    float[] before = logits.clone();
    Draws draws = Draws.filtered(0.5, 10, 0.8, 0.01);
    draws.logitBias = Map.of(3, 5.0);
    draws.topLogprobs = 5;

    draws.run(logits);

    assertArrayEquals(before, logits);
  }

  @Test
  void biasBansAndBoosts() {
    Draws ban = Draws.greedy();
    ban.logitBias = Map.of(2, Double.NEGATIVE_INFINITY);
    assertEquals(1, ban.token(1, 3, 7));
    Draws boost = Draws.greedy();
    boost.logitBias = Map.of(0, Double.POSITIVE_INFINITY, 1, 100.0);
    assertEquals(0, boost.token(1, 3, 7));
    boost.temperature = 1;
    assertEquals(0, boost.token(1, 3, 7));
  }

  @Test
  void badWordsOfOneTokenAreNeverDrawnAndLongerOnesNeverCompleted() {
    Draws draws = Draws.greedy();
    draws.badWords = new int[][] {{2}, {0, 0, 1}};
    assertEquals(1, draws.token(1, 3, 7));
    draws.output = new int[] {0};
    assertEquals(1, draws.token(1, 3, 7));
    draws.output = new int[] {1, 0, 0};
    assertEquals(0, draws.token(1, 3, 7));
    draws.output = new int[] {0, 0, 1};
    assertEquals(1, draws.token(1, 3, 7));
    draws.output = new int[] {};
    draws.prompt = new int[] {0, 0};
    assertEquals(1, draws.token(1, 3, 7), "the prompt is not generated text");
  }

  @Test
  void endTokensAreBannedOnlyWhenAsked() {
    Draws draws = Draws.greedy();
    draws.endTokenIds = new int[] {2, 1};
    assertEquals(2, draws.token(1, 3, 7));
    draws.banEndTokens = true;
    assertEquals(0, draws.token(1, 3, 7));
  }

  @Test
  void penaltiesActUnderGreedyOncePerToken() {
    Draws repetition = Draws.greedy();
    repetition.repetitionPenalty = 2;
    repetition.prompt = new int[] {2, 2, 2};
    assertEquals(1, repetition.token(1, 4, 7), "7 / 2 is below 4, and once only");
    repetition.prompt = new int[] {2};
    repetition.output = new int[] {2, 1};
    assertEquals(2, repetition.token(1, 4, 7), "3.5 against 2: seen in both counts once");
    assertEquals(0, repetition.token(-3, -2, -1.9f), "negative logits are multiplied");

    Draws presence = Draws.greedy();
    presence.presencePenalty = 4;
    presence.output = new int[] {2, 2};
    assertEquals(2, presence.token(1, 2.9f, 7));
    assertEquals(1, presence.token(1, 3.1f, 7));
    presence.output = new int[] {};
    presence.prompt = new int[] {2};
    assertEquals(2, presence.token(1, 3.1f, 7), "the prompt does not count");

    Draws frequency = Draws.greedy();
    frequency.frequencyPenalty = 2;
    frequency.output = new int[] {2, 0, 2};
    assertEquals(2, frequency.token(1, 2.9f, 7));
    assertEquals(1, frequency.token(1, 3.1f, 7));
  }

  @Test
  void penaltyScratchIsCleanBetweenDraws() {
    Sampler sampler = new Sampler(3);
    Draws frequency = Draws.greedy();
    frequency.frequencyPenalty = 2;
    frequency.output = new int[] {2, 2};
    for (int round = 0; round < 5; round++) {
      assertEquals(2, frequency.run(sampler, new float[] {1, 2.9f, 7}, 0).tokenIds()[0]);
      assertEquals(1, frequency.run(sampler, new float[] {1, 3.1f, 7}, 0).tokenIds()[0]);
    }
  }

  @Test
  void nothingIsDrawnWhereNothingCanBe() {
    Draws draws = Draws.greedy();
    draws.badWords = new int[][] {{0}, {1}, {2}};
    for (double temperature : new double[] {0, 1}) {
      draws.temperature = temperature;
      StepResult banned = draws.run(1, 3, 7);
      assertEquals(Sampler.NO_TOKEN, banned.tokenIds()[0]);
      assertTrue(Float.isNaN(banned.logprobs()[0]));
    }
    for (float broken : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      Draws plain = Draws.greedy();
      plain.topLogprobs = 2;
      StepResult result = plain.run(1, broken, 7);
      assertEquals(Sampler.NO_TOKEN, result.tokenIds()[0]);
      assertTrue(Float.isNaN(result.logprobs()[0]));
      assertEquals(0, result.topTokenIds()[0].length);
    }
  }

  @Test
  void extremeTemperaturesStillDraw() {
    for (double temperature : new double[] {1e-300, 1e-10, 1e-3}) {
      assertEquals(2, Draws.filtered(temperature, 0, 1, 0).token(1, 3, 7));
      assertEquals(2, Draws.filtered(temperature, 2, 0.5, 0.1).token(1, 3, 7));
    }
    float[] logits = {3, 1, 2};
    boolean[] drawn = new boolean[3];
    for (int i = 0; i < 100; i++) {
      drawn[Draws.filtered(100, 0, 1, 0).run(new Sampler(3), logits, i).tokenIds()[0]] = true;
    }
    assertArrayEquals(new boolean[] {true, true, true}, drawn);
  }

  private static double[] toDouble(float[] row) {
    double[] out = new double[row.length];
    for (int i = 0; i < row.length; i++) {
      out[i] = row[i];
    }
    return out;
  }

  private static double logSum(float[] row) {
    double sum = 0;
    for (float x : row) {
      sum += Math.exp(x);
    }
    return Math.log(sum);
  }

  static float[] randomRow(Random random, int size, double spread) {
    float[] row = new float[size];
    for (int i = 0; i < size; i++) {
      row[i] = (float) (random.nextGaussian() * spread);
    }
    return row;
  }
}
