package dev.millrace.engine.sample;

import dev.millrace.engine.step.DrawState;
import dev.millrace.engine.step.LogitSampler;
import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepResult;
import java.util.List;

/**
 * Carries out {@link LogitTask}s on rows of logits. A result depends on the row, the task and the
 * task's own history, never on what else is in the step.
 *
 * <p>Order of operations: that of {@code SamplingSettings}. Greedy takes the largest logit, the
 * lowest id among equals. Otherwise one uniform number, a function of seed and draw index alone, is
 * held against the running sum of the probabilities that the filters left, in order of token id.
 * Top-k and top-p rank equal logits by lowest id. Log-probabilities are those of the logits as they
 * came, within 1e-6 of the exact ones.
 *
 * <p>Scratch is taken once and reused: one instance a thread. A draw allocates nothing, but for the
 * arrays of the alternatives it reports.
 */
public final class Sampler implements LogitSampler {
  /** Stands for a token where none can be drawn: all banned, or the logits are not numbers. */
  public static final int NO_TOKEN = -1;

  private static final int[] NO_IDS = {};
  private static final float[] NO_LOGPROBS = {};

  /** Temperatures below this act like it: the difference of two logits stays a number. */
  private static final double TEMPERATURE_MIN = 1e-30;

  private final int vocabularySize;
  private final RowMath math;
  private final LogitAdjuster adjuster;
  private final float[] maxima; // (blocks) of the row last looked at
  private final double[] sums; // (blocks) of the weights last taken
  private float[] adjusted; // (vocabulary)
  private Candidates candidates;

  /**
   * @param vocabularySize tokens that can be drawn; padding behind them is never looked at
   */
  public Sampler(int vocabularySize) {
    this(vocabularySize, RowMath.fastest());
  }

  Sampler(int vocabularySize, RowMath math) {
    this.vocabularySize = vocabularySize;
    this.math = math;
    this.adjuster = new LogitAdjuster(vocabularySize);
    this.maxima = new float[RowMath.blocks(vocabularySize)];
    this.sums = new double[maxima.length];
  }

  /** An empty result with room for the answers to these tasks. */
  public static StepResult newResult(List<LogitTask> tasks) {
    int count = tasks.size();
    return new StepResult(new int[count], new float[count], new int[count][], new float[count][]);
  }

  /**
   * Carries out one task and writes the answer at {@code index} of the result. Where no token can
   * be drawn, or the logits are not numbers, the token is {@link #NO_TOKEN} (for a score, its
   * target) and the log-probability NaN.
   *
   * @param logits holds the row at {@code offset} to {@code offset + vocabularySize - 1}; unchanged
   */
  @Override
  public void run(LogitTask task, float[] logits, int offset, StepResult result, int index) {
    float max = math.maxima(logits, offset, vocabularySize, maxima);
    double logSum = max + Math.log(math.weights(logits, offset, vocabularySize, max, 1f, sums));
    boolean numbers = Double.isFinite(logSum);
    result.topTokenIds()[index] = NO_IDS;
    result.topLogprobs()[index] = NO_LOGPROBS;
    if (numbers && task.topLogprobs() > 0) {
      rank(task.topLogprobs(), logits, offset, logSum, result, index);
    }
    int tokenId;
    if (task instanceof LogitTask.Score score) {
      tokenId = score.targetTokenId();
    } else {
      tokenId = numbers ? draw((LogitTask.Draw) task, logits, offset, max) : NO_TOKEN;
    }
    result.tokenIds()[index] = tokenId;
    result.logprobs()[index] =
        numbers && tokenId != NO_TOKEN ? (float) (logits[offset + tokenId] - logSum) : Float.NaN;
  }

  private void rank(
      int count, float[] logits, int offset, double logSum, StepResult result, int index) {
    int ranks = Math.min(count, vocabularySize);
    float floor = candidates().floorOfRank(ranks, maxima, maxima.length);
    candidates.collect(logits, offset, vocabularySize, maxima, floor);
    int[] tokenIds = new int[Math.min(ranks, candidates.count())];
    float[] logprobs = new float[tokenIds.length];
    candidates.copyRanked(tokenIds, logprobs);
    for (int i = 0; i < logprobs.length; i++) {
      logprobs[i] = (float) (logprobs[i] - logSum);
    }
    result.topTokenIds()[index] = tokenIds;
    result.topLogprobs()[index] = logprobs;
  }

  private int draw(LogitTask.Draw task, float[] logits, int offset, float max) {
    if (!LogitAdjuster.isNeeded(task)) {
      return drawFrom(logits, offset, max, task, true);
    }
    if (adjusted == null) {
      adjusted = new float[vocabularySize];
    }
    System.arraycopy(logits, offset, adjusted, 0, vocabularySize);
    adjuster.adjust(adjusted, task);
    float adjustedMax = math.maxima(adjusted, 0, vocabularySize, maxima);
    return adjustedMax == Float.NEGATIVE_INFINITY
        ? NO_TOKEN
        : drawFrom(adjusted, 0, adjustedMax, task, false);
  }

  /**
   * Draws from a row whose block maxima are taken, and whose weights are too if it is unchanged.
   */
  private int drawFrom(float[] row, int offset, float max, LogitTask.Draw task, boolean unchanged) {
    DrawState draw = task.draw();
    if (draw.temperature == 0) {
      return firstOf(max, row, offset);
    }
    float scale = (float) (1 / Math.max(draw.temperature, TEMPERATURE_MIN));
    double share = Philox.uniform(draw.seed, task.drawIndex());
    boolean topK = draw.topK > 0 && draw.topK < vocabularySize;
    boolean topP = draw.topP < 1;
    double total = Double.NaN; // of the whole row; top-k takes its own
    if (!topK && (topP || draw.minP == 0)) {
      total = unchanged && scale == 1f ? sumOfSums() : weigh(row, offset, max, scale);
    }
    if (!topK && !topP && draw.minP == 0) {
      return pick(share, total, row, offset, max, scale);
    }
    float minPFloor =
        draw.minP > 0 ? (float) (max + Math.log(draw.minP) / scale) : Float.NEGATIVE_INFINITY;
    candidates().collect(row, offset, vocabularySize, maxima, floor(draw, max, scale, total));
    if (topK) {
      candidates.keepLargest(draw.topK);
    }
    double kept = candidates.weigh(max, scale);
    if (topP) {
      candidates.keepMass(draw.topP * (topK ? kept : total));
    }
    candidates.keepFrom(minPFloor);
    return candidates.pick(share);
  }

  /**
   * A logit below which no token can pass the filters. For top-p: tokens each less likely than (1 -
   * p) / vocabulary have less than 1 - p together, so the others reach p.
   */
  private float floor(DrawState draw, float max, float scale, double total) {
    double floor = Float.NEGATIVE_INFINITY;
    if (draw.topK > 0 && draw.topK < vocabularySize) {
      floor = candidates.floorOfRank(draw.topK, maxima, maxima.length);
    } else if (draw.topP < 1) {
      double least = (1 - draw.topP) * total / vocabularySize;
      floor = max + (Math.log(least) - 1e-3) / scale;
    }
    if (draw.minP > 0 && !(draw.topK > 0 && draw.topP < 1)) {
      floor = Math.max(floor, max + Math.log(draw.minP) / scale);
    }
    return (float) floor;
  }

  private double weigh(float[] row, int offset, float max, float scale) {
    return math.weights(row, offset, vocabularySize, max, scale, sums);
  }

  private double sumOfSums() {
    double total = 0;
    for (double sum : sums) {
      total += sum;
    }
    return total;
  }

  private int firstOf(float max, float[] row, int offset) {
    int block = 0;
    while (maxima[block] != max) {
      block++;
    }
    int id = block * RowMath.BLOCK;
    while (row[offset + id] != max) {
      id++;
    }
    return id;
  }

  /** The token at this share of the whole row's weight: by block sums, then within one block. */
  private int pick(double share, double total, float[] row, int offset, float max, float scale) {
    double left = share * total;
    int block = 0;
    while (block < sums.length - 1 && left >= sums[block]) {
      left -= sums[block++];
    }
    while (sums[block] == 0) { // rounding ran past the last token that has any weight
      block--;
    }
    int end = Math.min(vocabularySize, (block + 1) * RowMath.BLOCK);
    int last = NO_TOKEN;
    for (int id = block * RowMath.BLOCK; id < end && left >= 0; id++) {
      float weight = PlainRowMath.exp((row[offset + id] - max) * scale);
      if (weight > 0) {
        last = id;
        left -= weight;
      }
    }
    return last;
  }

  private Candidates candidates() {
    if (candidates == null) {
      candidates = new Candidates(vocabularySize);
    }
    return candidates;
  }
}
