package dev.millrace.engine.sample;

import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepResult;
import java.util.List;
import java.util.Random;

/** Times one draw over vocabularies of real models: run {@code main}, one line a case. */
final class SamplerBenchmark {
  private SamplerBenchmark() {}

  public static void main(String[] args) {
    for (int size : new int[] {49_152, 152_064}) {
      for (RowMath math : new RowMath[] {new VectorRowMath(), new PlainRowMath()}) {
        float[][] rows = new float[16][];
        for (int i = 0; i < rows.length; i++) {
          rows[i] = SamplerTest.randomRow(new Random(i), size, 2.5);
        }
        Draws withLogprobs = Draws.greedy();
        withLogprobs.topLogprobs = 5;
        Draws penalised = Draws.greedy();
        penalised.repetitionPenalty = 1.1;
        penalised.prompt = new Random(1).ints(500, 0, size).toArray();
        time("greedy", size, math, rows, Draws.greedy());
        time("greedy, 5 logprobs", size, math, rows, withLogprobs);
        time("greedy, penalty", size, math, rows, penalised);
        time("temperature 1", size, math, rows, Draws.filtered(1, 0, 1, 0));
        time("temperature 0.7", size, math, rows, Draws.filtered(0.7, 0, 1, 0));
        time("top-k 50", size, math, rows, Draws.filtered(0.7, 50, 1, 0));
        time("top-p 0.9", size, math, rows, Draws.filtered(0.7, 0, 0.9, 0));
        time("top-k 50, top-p 0.9", size, math, rows, Draws.filtered(0.7, 50, 0.9, 0));
        time("min-p 0.05", size, math, rows, Draws.filtered(0.7, 0, 1, 0.05));
      }
    }
  }

  private static void time(String what, int size, RowMath math, float[][] rows, Draws draws) {
    Sampler sampler = new Sampler(size, math);
    LogitTask task = draws.task(0);
    StepResult result = Sampler.newResult(List.of(task));
    long best = Long.MAX_VALUE;
    for (int round = 0; round < 20; round++) {
      long start = System.nanoTime();
      for (int i = 0; i < 200; i++) {
        sampler.run(task, rows[i % rows.length], 0, result, 0);
      }
      best = Math.min(best, System.nanoTime() - start);
    }
    System.out.printf(
        "%-8s V=%-7d %-22s %7.1f us%n",
        math instanceof VectorRowMath ? "vector" : "plain", size, what, best / 200 / 1e3);
  }
}
