package dev.millrace.engine.model;

import dev.millrace.engine.step.LogitSampler;
import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepResult;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Draws the likeliest token, by sorting: a test's own, so that models are tested without sampling.
 */
public final class GreedySampler implements LogitSampler {
  private final int vocabulary;

  public GreedySampler(int vocabulary) {
    this.vocabulary = vocabulary;
  }

  @Override
  public void run(LogitTask task, float[] logits, int offset, StepResult result, int index) {
    double max = Double.NEGATIVE_INFINITY;
    int best = 0;
    for (int i = 0; i < vocabulary; i++) {
      if (logits[offset + i] > max) {
        max = logits[offset + i];
        best = i;
      }
    }
    double sum = 0;
    for (int i = 0; i < vocabulary; i++) {
      sum += Math.exp(logits[offset + i] - max);
    }
    double logSum = max + Math.log(sum);
    int token = task instanceof LogitTask.Score score ? score.targetTokenId() : best;
    int[] top =
        IntStream.range(0, task.topLogprobs() == 0 ? 0 : vocabulary)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> -logits[offset + i]))
            .limit(task.topLogprobs())
            .mapToInt(Integer::intValue)
            .toArray();
    float[] topLogprobs = new float[top.length];
    for (int i = 0; i < top.length; i++) {
      topLogprobs[i] = (float) (logits[offset + top[i]] - logSum);
    }
    result.tokenIds()[index] = token;
    result.logprobs()[index] = (float) (logits[offset + token] - logSum);
    result.topTokenIds()[index] = top;
    result.topLogprobs()[index] = topLogprobs;
  }
}
