package dev.millrace.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.Engine.Submission;
import dev.millrace.api.request.Choice;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.engine.schedule.ScriptedExecutor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many threads feed one small engine; each request comes back once, as if it ran alone. */
@Timeout(120)
class LocalEngineRandomTest {
  private static final int THREADS = 4;
  private static final int REQUESTS = 400;

  @Test
  void everyRequestComesBackOnceAndAsAlone() throws Exception {
    run(new ScriptedExecutor(24, ScriptedText.VOCABULARY));
  }

  @Test
  void everyRequestComesBackOnceAndAsAloneWithStepsPlannedAhead() throws Exception {
    run(new ScriptedExecutor(24, ScriptedText.VOCABULARY).acceptingNext());
  }

  private static void run(ScriptedExecutor executor) throws Exception {
    long seed = Long.getLong("tests.seed", System.nanoTime());
    System.out.println("LocalEngineRandomTest seed " + seed + " (-Dtests.seed=" + seed + ")");
    Map<String, Asked> asked = new ConcurrentHashMap<>();
    Set<String> cancelled = ConcurrentHashMap.newKeySet();
    try (EngineFixture fixture = new EngineFixture(executor)) {
      fixture.contextTokensMax = 400;
      fixture.sequencesMax = 12;
      fixture.stepTokensMax = 100;
      fixture.queueSequences = 40;
      List<Thread> threads = new ArrayList<>();
      Random seeds = new Random(seed);
      for (int t = 0; t < THREADS; t++) {
        String name = "t" + t;
        Random random = new Random(seeds.nextLong());
        threads.add(new Thread(() -> feed(fixture, name, random, asked, cancelled)));
      }
      threads.forEach(Thread::start);
      for (Thread thread : threads) {
        thread.join();
      }
      for (int i = 0; i < THREADS * REQUESTS; i++) {
        fixture.next();
      }
      assertEquals(THREADS * REQUESTS, fixture.completions.size());
      assertEquals(asked.keySet(), fixture.completions.keySet());
      assertTrue(fixture.arrived.isEmpty(), "a completion too many");
      int failed = 0;
      for (Completion completion : fixture.completions.values()) {
        if (completion.isFailed()) {
          assertTrue(cancelled.contains(completion.id()), () -> "failed: " + completion);
          assertEquals(FailureReason.CANCELLED, completion.failure().reason());
          failed++;
        } else {
          assertAsAlone(executor, asked.get(completion.id()), completion, "seed " + seed);
        }
      }
      System.out.println(failed + " cancelled; " + fixture.engine().statistics());
    }
  }

  private record Asked(int[] prompt, SamplingSettings settings) {}

  private static void feed(
      EngineFixture fixture,
      String name,
      Random random,
      Map<String, Asked> asked,
      Set<String> cancelled) {
    try {
      for (int i = 0; i < REQUESTS; i++) {
        String id = name + "-" + i;
        int[] prompt = new int[1 + random.nextInt(150)];
        java.util.Arrays.fill(prompt, 1 + random.nextInt(2)); // long equal prefixes
        prompt[prompt.length - 1] = 1 + random.nextInt(ScriptedText.VOCABULARY - 1);
        int maxTokens = 1 + random.nextInt(40);
        SamplingSettings settings =
            SamplingSettings.builder()
                .maxTokens(maxTokens)
                .minTokens(random.nextInt(maxTokens + 1))
                .n(1 + random.nextInt(3))
                .build();
        asked.put(id, new Asked(prompt, settings));
        Submission submission = fixture.submit(id, new Prompt.Tokens(prompt), settings);
        if (random.nextInt(10) == 0) {
          cancelled.add(id);
          submission.cancel();
        }
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void assertAsAlone(
      ScriptedExecutor script, Asked asked, Completion completion, String what) {
    assertFalse(completion.isFailed(), what);
    assertEquals(asked.settings.n(), completion.choices().size(), what);
    for (int index = 0; index < asked.settings.n(); index++) {
      Choice choice = completion.choices().get(index);
      assertEquals(index, choice.index(), what);
      long state = 0;
      for (int i = 0; i < asked.prompt.length; i++) {
        state = ScriptedExecutor.next(state, asked.prompt[i], i);
      }
      List<Integer> expected = new ArrayList<>();
      boolean ended = false;
      while (!ended && expected.size() < asked.settings.maxTokens()) {
        boolean banEnd = expected.size() < asked.settings.minTokens();
        int token = script.token(state, choice.seed(), banEnd);
        state = ScriptedExecutor.next(state, token, asked.prompt.length + expected.size());
        expected.add(token);
        ended = token == ScriptedExecutor.END;
      }
      assertArrayEquals(
          expected.stream().mapToInt(Integer::intValue).toArray(),
          choice.tokenIds(),
          completion.id() + ", choice " + index + ", " + what);
    }
  }
}
