package dev.millrace.engine.schedule;

import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepPlan;
import dev.millrace.engine.step.StepResult;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.function.IntUnaryOperator;

/**
 * What admission costs, without a GPU: runs workloads through the scheduler against a model of step
 * times and prints seconds, recomputed tokens and missed steps. Run {@code main}.
 */
final class AdmissionSimulation {
  /**
   * A model on a card.
   *
   * @param gib of weights read by each step
   * @param gigaParameters multiplied with each token
   * @param kvBytes of a token
   * @param kvGib of the cache
   * @param teraFlops that products reach
   * @param terabytes a second
   * @param rowsStep rows of a step that take as long as one of them
   */
  private record Card(
      String name,
      double gib,
      double gigaParameters,
      int kvBytes,
      double kvGib,
      double teraFlops,
      double terabytes,
      int rowsStep) {

    double seconds(int tokens, long contextTokens) {
      int rows = (tokens + rowsStep - 1) / rowsStep * rowsStep;
      double products =
          Math.max(
              gib * (1 << 30) / (terabytes * 1e12),
              2e9 * gigaParameters * rows / (teraFlops * 1e12));
      return products + (double) contextTokens * kvBytes / (terabytes * 1e12) + 3e-4;
    }
  }

  /** Lengths of rows. */
  private record Load(
      String name, int rows, IntUnaryOperator prompt, IntUnaryOperator output, int outputMax) {}

  private AdmissionSimulation() {}

  public static void main(String[] arguments) {
    List<Card> cards =
        List.of(
            new Card("7B bf16, 80 GB", 14.1, 7.07, 57_344, 58.8, 680, 3.0, 1),
            new Card("7B bf16, 141 GB", 14.1, 7.07, 57_344, 110, 680, 4.2, 1),
            new Card("72B int4, 141 GB", 39.9, 71.7, 327_680, 91.5, 540, 4.2, 64));
    Random random = new Random(5);
    int[] prompts = random.doubles(4096).mapToInt(x -> (int) (80 + 280 * x)).toArray();
    int[] outputs =
        random
            .doubles(4096)
            .mapToInt(x -> (int) Math.min(1000, -200 * Math.log(1 - x) + 1))
            .toArray();
    List<Load> loads =
        List.of(
            new Load("1k1k", 1024, i -> 1024, i -> 1024, 1024),
            new Load("1k1k-256", 256, i -> 1024, i -> 1024, 1024),
            new Load("chat, exact", 3000, i -> prompts[i], i -> outputs[i], 0),
            new Load("chat, at most 1024", 3000, i -> prompts[i], i -> outputs[i], 1024),
            new Load("chat, at most 4096", 3000, i -> prompts[i], i -> outputs[i], 4096),
            new Load("long or short", 2000, i -> 500, i -> i % 2 == 0 ? 20 : 2000, 2048));
    for (Card card : cards) {
      for (Load load : loads) {
        run(card, load);
      }
    }
  }

  private static void run(Card card, Load load) {
    int blocks = (int) (card.kvGib * (1L << 30) / card.kvBytes / StepPlan.BLOCK_TOKENS);
    Scheduler scheduler =
        new Scheduler(
            new SchedulerLimits(1024, 8192, 1024, blocks, 16_384, false, card.rowsStep, 1));
    long promptTokens = 0;
    long outputTokens = 0;
    for (int i = 0; i < load.rows; i++) {
      int[] prompt = new int[load.prompt.applyAsInt(i)];
      int output = load.output.applyAsInt(i);
      promptTokens += prompt.length;
      outputTokens += output;
      int most = load.outputMax == 0 ? output : load.outputMax;
      scheduler.add(
          Sequence.generating(
              prompt, null, 0, 0, most, Scripted.drawState(1, prompt), new Ending(output)));
    }
    double seconds = 0;
    long nanos = 0;
    while (true) {
      long start = System.nanoTime();
      StepPlan plan = scheduler.plan();
      nanos += System.nanoTime() - start;
      if (plan == null) {
        break;
      }
      seconds +=
          card.seconds(plan.tokens(), Arrays.stream(plan.contextTokens()).asLongStream().sum());
      scheduler.commit(answer(plan.logitTasks()));
    }
    SchedulerCounts counts = scheduler.counts();
    System.out.printf(
        Locale.ROOT,
        "%-17s %-19s %7.1f s %8.0f tok/s, %5d steps of %5.1f sequences, %4d preempted, %7d tokens again, %7d missed, plan %.0f us%n",
        card.name,
        load.name,
        seconds,
        outputTokens / seconds,
        counts.steps(),
        (double) counts.sequenceSteps() / counts.steps(),
        counts.preemptions(),
        counts.computedTokens() - promptTokens - outputTokens + load.rows,
        counts.stalls(),
        nanos / 1e3 / counts.steps());
  }

  private static StepResult answer(List<LogitTask> tasks) {
    int count = tasks.size();
    int[] tokenIds = new int[count];
    Arrays.fill(tokenIds, 7);
    return new StepResult(tokenIds, new float[count], new int[count][0], new float[count][0]);
  }

  private static final class Ending implements SequenceListener {
    private final int output;
    private int drawn;

    Ending(int output) {
      this.output = output;
    }

    @Override
    public boolean drawn(int tokenId, float logprob, int[] topTokenIds, float[] topLogprobs) {
      return ++drawn == output;
    }

    @Override
    public void scored(int position, float logprob, int[] topTokenIds, float[] topLogprobs) {
      throw new AssertionError("nothing is scored");
    }

    @Override
    public void scoringEnded() {
      throw new AssertionError("nothing is scored");
    }

    @Override
    public void undrawable() {
      throw new AssertionError("nothing is undrawable");
    }
  }
}
