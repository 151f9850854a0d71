package dev.millrace.engine.schedule;

import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Times plan and commit, without any model: run {@code main}. */
final class SchedulerBenchmark {
  private SchedulerBenchmark() {}

  public static void main(String[] args) {
    for (int sequences : new int[] {64, 512}) {
      for (int round = 0; round < 3; round++) {
        time(sequences);
      }
    }
    for (int sequences : new int[] {1024, 2048}) {
      for (int round = 0; round < 3; round++) {
        timeAdmission(sequences);
      }
    }
  }

  /** Steps in which sequences come and go, of 220 tokens and of answers of up to 400. */
  private static void timeAdmission(int sequences) {
    SchedulerLimits limits =
        new SchedulerLimits(sequences, 8192, 8192, sequences * 40, 2048, false);
    Scheduler scheduler = new Scheduler(limits);
    Random random = new Random(1);
    for (int i = 0; i < 3 * sequences; i++) {
      int[] prompt = random.ints(220, 1, 50).toArray();
      scheduler.add(Scripted.generating(prompt, 1 + random.nextInt(400)).open());
    }
    long[] nanos = new long[5000];
    int steps = 0;
    while (!scheduler.isIdle()) {
      long start = System.nanoTime();
      StepPlan plan = scheduler.plan();
      long planned = System.nanoTime();
      if (plan.tokens() > plan.sequences()) {
        nanos[steps++] = planned - start;
      }
      scheduler.commit(answer(plan.logitTasks()));
    }
    Arrays.sort(nanos, 0, steps);
    System.out.printf(
        "up to %d sequences, some of them new: plan %.1f us at the median, %.1f at the 99th of 100 (%d steps)%n",
        sequences, nanos[steps / 2] / 1e3, nanos[steps * 99 / 100] / 1e3, steps);
  }

  private static void time(int sequences) {
    SchedulerLimits limits = new SchedulerLimits(sequences, 8192, 8192, sequences * 40, 2048, true);
    Scheduler scheduler = new Scheduler(limits);
    Random random = new Random(1);
    int[] shared = random.ints(200, 1, 50).toArray();
    for (int i = 0; i < sequences; i++) {
      int[] prompt = Arrays.copyOf(shared, 250 + i % 64);
      Arrays.setAll(prompt, at -> at < 200 ? shared[at] : random.nextInt(50));
      scheduler.add(Scripted.generating(prompt, 1200).open());
    }
    long planNanos = 0;
    long commitNanos = 0;
    int steps = 0;
    for (int i = 0; i < 1200; i++) {
      long start = System.nanoTime();
      StepPlan plan = scheduler.plan();
      long planned = System.nanoTime();
      StepResult result = answer(plan.logitTasks());
      long answered = System.nanoTime();
      scheduler.commit(result);
      long end = System.nanoTime();
      if (i > 200 && plan.sequences() == sequences) {
        planNanos += planned - start;
        commitNanos += end - answered;
        steps++;
      }
    }
    System.out.printf(
        "%d sequences: plan %.1f us, commit %.1f us a step (%d steps)%n",
        sequences, planNanos / 1e3 / steps, commitNanos / 1e3 / steps, steps);
  }

  private static StepResult answer(List<LogitTask> tasks) {
    int count = tasks.size();
    int[] tokenIds = new int[count];
    Arrays.fill(tokenIds, 7);
    int[][] top = new int[count][1];
    return new StepResult(tokenIds, new float[count], top, new float[count][1]);
  }
}
