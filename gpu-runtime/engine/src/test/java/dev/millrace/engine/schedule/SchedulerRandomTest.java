package dev.millrace.engine.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.engine.step.StepPlan;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whatever the limits, the mix and the cancellations: every sequence as if it ran alone. */
class SchedulerRandomTest {
  private static final int ROUNDS = 250;

  @Test
  void everySequenceRunsAsIfItWereAlone() {
    runRounds(false);
  }

  @Test
  void planningAheadChangesNothing() {
    runRounds(true);
  }

  private static void runRounds(boolean ahead) {
    long seed = Long.getLong("tests.seed", System.nanoTime());
    System.out.println("SchedulerRandomTest seed " + seed + " (-Dtests.seed=" + seed + ")");
    long preemptions = 0;
    long cached = 0;
    long waits = 0;
    long stalls = 0;
    int sequences = 0;
    int plannedAhead = 0;
    // Seeds that follow one another draw much the same limits first: 250 rounds without a
    // preemption.
    Random seeds = new Random(seed);
    for (int round = 0; round < ROUNDS; round++) {
      Random random = new Random(seeds.nextLong());
      Round run = new Round(random, ahead, "seed " + seed + ", round " + round);
      run.run();
      preemptions += run.scheduler.counts().preemptions();
      cached += run.scheduler.counts().cachedTokens();
      waits += run.scheduler.counts().prefixWaits();
      stalls += run.scheduler.counts().stalls();
      sequences += run.all.size();
      plannedAhead += run.plannedAhead;
    }
    assertTrue(ahead == plannedAhead > 0, "steps planned ahead: " + plannedAhead);
    System.out.printf(
        "%d sequences, %d steps planned ahead: %d preemptions, %d stalls, %d cached tokens, %d prefix waits%n",
        sequences, plannedAhead, preemptions, stalls, cached, waits);
    assertTrue(preemptions > 0 && stalls > 0 && cached > 0 && waits > 0, "a path was never taken");
  }

  private static final class Round {
    final Random random;
    final String what;
    final SchedulerLimits limits;
    final Scheduler scheduler;
    final ScriptedExecutor script;
    final List<Scripted> all = new ArrayList<>();
    final List<int[]> prefixes = new ArrayList<>();

    /** Short outputs first, long ones after: what admission learns is wrong. */
    final boolean misleading;

    final boolean ahead;
    int plannedAhead;
    int underWay;

    Round(Random random, boolean ahead, String what) {
      this.random = random;
      this.ahead = ahead;
      this.what = what;
      int sequencesMax = 1 + random.nextInt(16);
      int kvBlocks = 5 + random.nextInt(random.nextBoolean() ? 4 : 60);
      this.limits =
          new SchedulerLimits(
              sequencesMax,
              sequencesMax + random.nextInt(random.nextBoolean() ? 8 : 400),
              sequencesMax + random.nextInt(random.nextBoolean() ? 3 : 400),
              kvBlocks,
              5 * 64,
              random.nextInt(4) > 0,
              1,
              1 + random.nextInt(2));
      this.misleading = random.nextBoolean();
      this.scheduler = new Scheduler(limits);
      this.script = new ScriptedExecutor(kvBlocks, Scripted.VOCABULARY);
      for (int i = 0; i < 3; i++) {
        prefixes.add(random.ints(1 + random.nextInt(200), 1, Scripted.VOCABULARY).toArray());
      }
    }

    void run() {
      int total = (misleading ? 30 : 5) + random.nextInt(30);
      int steps = 0;
      while (all.size() < total || !scheduler.isIdle() || underWay > 0) {
        int arriving = Math.min(random.nextInt(4), total - all.size());
        for (int i = 0; i < arriving; i++) {
          submit();
        }
        if (random.nextInt(20) == 0 && !all.isEmpty()) {
          cancel(all.get(random.nextInt(all.size())));
        }
        if (underWay == 0 && !submit(scheduler.plan())) {
          assertTrue(scheduler.isIdle(), what);
          continue;
        }
        if (ahead && underWay == 1 && random.nextInt(8) > 0 && submit(scheduler.planAhead())) {
          plannedAhead++;
        }
        scheduler.commit(script.await());
        underWay--;
        scheduler.check();
        assertTrue(++steps < 200_000, "no end in sight, " + what);
      }
      assertNull(scheduler.plan(), what);
      int cancelled = 0;
      for (Scripted sequence : all) {
        if (sequence.cancelled) {
          cancelled++;
        } else {
          sequence.assertAsAlone(script, what);
        }
      }
      assertEquals(all.size(), cancelled + all.stream().filter(s -> !s.cancelled).count());
    }

    private boolean submit(StepPlan plan) {
      if (plan == null) {
        return false;
      }
      assertTrue(plan.tokens() <= limits.stepTokensMax(), what);
      assertTrue(plan.sequences() <= limits.sequencesMax(), what);
      assertTrue(plan.logitTasks().size() <= limits.logitRowsMax(), what);
      script.submit(plan);
      underWay++;
      return true;
    }

    private void submit() {
      int[] prefix = prefixes.get(random.nextInt(prefixes.size()));
      int shared = random.nextInt(3) == 0 ? prefix.length : random.nextInt(prefix.length + 1);
      int own = random.nextInt(3) == 0 ? 0 : random.nextInt(60);
      int[] prompt = new int[Math.max(1, shared + own)];
      for (int i = 0; i < prompt.length; i++) {
        prompt[i] = i < shared ? prefix[i] : 1 + random.nextInt(Scripted.VOCABULARY - 1);
      }
      int left = limits.sequenceTokensMax() - prompt.length;
      int[] continuation =
          random.nextInt(4) == 0
              ? random
                  .ints(1 + random.nextInt(Math.min(left, 80)), 1, Scripted.VOCABULARY)
                  .toArray()
              : null;
      int most = misleading ? (all.size() < 20 ? 4 : 250) : random.nextBoolean() ? 5 : 250;
      int maxTokens = 1 + random.nextInt(Math.min(left, most));
      int minTokens = misleading ? maxTokens : random.nextInt(maxTokens + 1);
      Scripted sequence =
          new Scripted(
              prompt, continuation, random.nextInt(4) == 0, minTokens, maxTokens, random.nextInt());
      all.add(sequence);
      scheduler.add(sequence.open());
    }

    private void cancel(Scripted sequence) {
      if (!sequence.ended) {
        sequence.cancelled = true;
        sequence.sequence.abandon();
      }
    }
  }
}
