package dev.millrace.engine.sample;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplerDistributionTest {
  private static final int DRAWS = 100_000;

  @ParameterizedTest
  @CsvSource({
    "1, 0, 1, 0",
    "0.7, 0, 1, 0",
    "1.8, 0, 1, 0",
    "1, 7, 1, 0",
    "0.8, 40, 1, 0",
    "1, 0, 0.5, 0",
    "1, 0, 0.95, 0",
    "1, 0, 1, 0.05",
    "0.6, 0, 1, 0.3",
    "1.3, 50, 0.9, 0.02",
    "1, 0, 0.9, 0.05"
  })
  void drawsFollowTheDistribution(double temperature, int topK, double topP, double minP) {
    long seed = 77;
    int size = 500;
    float[] row = SamplerTest.randomRow(new Random(seed), size, 2);
    double[] expected = ReferenceSampler.distribution(row, temperature, topK, topP, minP);
    Draws draws = Draws.filtered(temperature, topK, topP, minP);
    Sampler sampler = new Sampler(size);

    int[] counts = new int[size];
    for (int i = 0; i < DRAWS; i++) {
      draws.seed = i / 50; // 2000 rows of 50 tokens
      counts[draws.run(sampler, row, i % 50).tokenIds()[0]]++;
    }

    assertChiSquare(expected, counts, "seed " + seed);
  }

  /** Bins of fewer than 10 expected draws are pooled; limit at five standard deviations. */
  private static void assertChiSquare(double[] expected, int[] counts, String what) {
    double chiSquare = 0;
    int bins = 0;
    double pooledExpected = 0;
    double pooledCount = 0;
    for (int id = 0; id < counts.length; id++) {
      double mean = expected[id] * DRAWS;
      if (mean == 0) {
        assertEquals(0, counts[id], "token " + id + " was filtered, " + what);
      } else if (mean < 10) {
        pooledExpected += mean;
        pooledCount += counts[id];
      } else {
        chiSquare += (counts[id] - mean) * (counts[id] - mean) / mean;
        bins++;
      }
    }
    if (pooledExpected > 0) {
      chiSquare += (pooledCount - pooledExpected) * (pooledCount - pooledExpected) / pooledExpected;
      bins++;
    }
    int freedom = Math.max(1, bins - 1);
    assertTrue(
        chiSquare < freedom + 5 * Math.sqrt(2.0 * freedom),
        "chi-square " + chiSquare + " at " + freedom + " degrees of freedom, " + what);
  }

  @Test
  void everyDrawIsTheOneOfTheDefinition() {
    long seed = 4711;
    Random random = new Random(seed);
    int differing = 0;
    int rounds = 4000;
    for (int round = 0; round < rounds; round++) {
      int size = 1 + random.nextInt(round % 10 == 0 ? 3000 : 400);
      float[] row = SamplerTest.randomRow(random, size, random.nextDouble() * 6);
      if (random.nextBoolean()) {
        for (int i = 0; i < size; i++) {
          row[i] = Math.round(row[i]); // ties
        }
      }
      Draws draws =
          Draws.filtered(
              0.1 + random.nextDouble() * 2,
              random.nextBoolean() ? 0 : 1 + random.nextInt(size + 5),
              random.nextBoolean() ? 1 : 0.05 + 0.94 * random.nextDouble(),
              random.nextBoolean() ? 0 : random.nextDouble());
      draws.seed = random.nextLong();

      int token = draws.run(new Sampler(size), row, round).tokenIds()[0];

      double[] expected =
          ReferenceSampler.distribution(row, draws.temperature, draws.topK, draws.topP, draws.minP);
      assertTrue(
          expected[token] > 0 || draws.topP < 1 || draws.minP > 0,
          "token " + token + " was filtered, round " + round + ", seed " + seed);
      if (token != ReferenceSampler.pick(expected, Philox.uniform(draws.seed, round))) {
        differing++; // a share or a filter's limit within rounding of a boundary
      }
    }
    assertTrue(differing <= 4, differing + " of " + rounds + " draws differ, seed " + seed);
  }

  @Test
  void plainAndVectorMathDrawTheSameTokens() {
    long seed = 99;
    Random random = new Random(seed);
    for (int round = 0; round < 300; round++) {
      int size = 1 + random.nextInt(2000);
      float[] row = SamplerTest.randomRow(random, size, 3);
      Draws draws =
          Draws.filtered(
              random.nextInt(4) * 0.5,
              random.nextInt(3) * 20,
              random.nextBoolean() ? 1 : 0.9,
              random.nextBoolean() ? 0 : 0.02);
      Sampler plain = new Sampler(size, new PlainRowMath());
      Sampler vector = new Sampler(size, new VectorRowMath());

      var expected = draws.run(plain, row, round);
      var found = draws.run(vector, row, round);

      assertEquals(
          expected.tokenIds()[0], found.tokenIds()[0], "round " + round + ", seed " + seed);
      assertEquals(
          expected.logprobs()[0], found.logprobs()[0], "round " + round + ", seed " + seed);
    }
  }

  @Test
  void sameSeedGivesTheSameTokensAndAnotherSeedOthers() {
    int size = 1000;
    float[] row = SamplerTest.randomRow(new Random(5), size, 1);
    Draws draws = Draws.filtered(1, 0, 1, 0);
    Sampler first = new Sampler(size);
    Sampler second = new Sampler(size);
    int equalToOther = 0;
    for (int i = 0; i < 200; i++) {
      draws.seed = 1;
      int token = draws.run(first, row, i).tokenIds()[0];
      assertEquals(token, draws.run(second, row, i).tokenIds()[0]);
      draws.seed = 2;
      equalToOther += draws.run(first, row, i).tokenIds()[0] == token ? 1 : 0;
    }
    assertTrue(equalToOther < 20, equalToOther + " of 200 tokens equal under another seed");
  }
}
