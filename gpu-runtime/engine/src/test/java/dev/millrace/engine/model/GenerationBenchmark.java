package dev.millrace.engine.model;

import com.sun.management.OperatingSystemMXBean;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.CpuBackendFactory;
import dev.millrace.engine.compute.kernel.KernelChoice;
import dev.millrace.engine.sample.Sampler;
import dev.millrace.engine.step.DrawState;
import dev.millrace.engine.step.LogitTask;
import dev.millrace.engine.step.StepPlan;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Greedy generation with a workspace's model, all of it but text and scheduling: sequences of 64
 * prompt tokens are prefilled together, then 64 tokens each are drawn, one step a token.
 *
 * <pre>java --add-modules jdk.incubator.vector -Xmx4g -cp ... \
 *   dev.millrace.engine.model.GenerationBenchmark WORKSPACE [ranks] [vector|plain] [threads]</pre>
 *
 * Prints the best of some rounds for each batch, and a checksum of the tokens, which is the same
 * for all batches.
 */
final class GenerationBenchmark {
  private static final int PROMPT_TOKENS = 64;
  private static final int NEW_TOKENS = 64;
  private static final int ROUNDS = 4;
  private static final int SEQUENCES_MAX = 32;

  private final RankedExecutor executor;
  private final int vocabulary;

  private GenerationBenchmark(RankedExecutor executor, int vocabulary) {
    this.executor = executor;
    this.vocabulary = vocabulary;
  }

  private record Round(
      double prefillNanos, double decodeNanos, double decodeCpuNanos, long checksum) {}

  private Round round(int sequences) {
    Random random = new Random(5);
    int[][] last = new int[sequences][PROMPT_TOKENS];
    List<DrawState> draws = new ArrayList<>();
    for (int[] prompt : last) {
      for (int i = 0; i < PROMPT_TOKENS; i++) {
        prompt[i] = random.nextInt(vocabulary);
      }
      draws.add(new DrawState(0, 0, 1, 0, 1, 0, 0, Map.of(), new int[0][], new int[0], 0, prompt));
    }
    long start = System.nanoTime();
    long prefilled = 0;
    long prefilledCpu = 0;
    long checksum = 0;
    for (int token = 0; token < NEW_TOKENS; token++) {
      int[] drawn = executor.execute(plan(last, draws, token)).tokenIds();
      for (int i = 0; i < sequences; i++) {
        last[i] = new int[] {drawn[i]};
      }
      checksum = checksum * 31 + drawn[0];
      if (token == 0) {
        prefilled = System.nanoTime();
        prefilledCpu = cpuNanos();
      }
    }
    return new Round(
        prefilled - start, System.nanoTime() - prefilled, cpuNanos() - prefilledCpu, checksum);
  }

  /** Processor time of this JVM, all threads. */
  private static long cpuNanos() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getProcessCpuTime();
  }

  /** The step that computes these tokens and draws the next of each sequence. */
  private static StepPlan plan(int[][] tokens, List<DrawState> draws, int drawIndex) {
    int sequences = tokens.length;
    int each = tokens[0].length;
    int position = drawIndex == 0 ? 0 : PROMPT_TOKENS + drawIndex - 1;
    int[] ids = new int[sequences * each];
    int[] positions = new int[ids.length];
    int[] starts = new int[sequences + 1];
    int[] context = new int[sequences];
    int[][] blocks = new int[sequences][];
    List<LogitTask> tasks = new ArrayList<>();
    for (int s = 0; s < sequences; s++) {
      for (int i = 0; i < each; i++) {
        ids[s * each + i] = tokens[s][i];
        positions[s * each + i] = position + i;
      }
      starts[s + 1] = (s + 1) * each;
      context[s] = position + each;
      int count = (context[s] + StepPlan.BLOCK_TOKENS - 1) / StepPlan.BLOCK_TOKENS;
      blocks[s] = new int[count];
      for (int b = 0; b < count; b++) {
        blocks[s][b] = s + b * SEQUENCES_MAX;
      }
      tasks.add(new LogitTask.Draw((s + 1) * each - 1, 0, draws.get(s), drawIndex, false));
    }
    return new StepPlan(ids, positions, starts, context, blocks, tasks);
  }

  private void print(int sequences) {
    double prefill = Double.MAX_VALUE;
    double decode = Double.MAX_VALUE;
    double whole = Double.MAX_VALUE;
    double cpu = Double.MAX_VALUE;
    long checksum = 0;
    for (int i = 0; i < ROUNDS; i++) {
      Round round = round(sequences);
      prefill = Math.min(prefill, round.prefillNanos());
      decode = Math.min(decode, round.decodeNanos());
      cpu = Math.min(cpu, round.decodeCpuNanos());
      whole = Math.min(whole, round.prefillNanos() + round.decodeNanos());
      checksum = round.checksum();
    }
    System.out.printf(
        "batch %2d: prompt %.0f tokens/s, decode %.1f tokens/s (%.1f a processor second), output tokens/s with prompt %.1f (first sequence %x)%n",
        sequences,
        sequences * PROMPT_TOKENS / prefill * 1e9,
        sequences * (NEW_TOKENS - 1) / decode * 1e9,
        sequences * (NEW_TOKENS - 1) / cpu * 1e9,
        sequences * NEW_TOKENS / whole * 1e9,
        checksum);
  }

  public static void main(String[] args) throws Exception {
    int ranks = args.length > 1 ? Integer.parseInt(args[1]) : 1;
    KernelChoice kernels =
        args.length > 2 && args[2].equals("plain") ? KernelChoice.PLAIN : KernelChoice.VECTOR;
    int threads =
        args.length > 3 ? Integer.parseInt(args[3]) : Runtime.getRuntime().availableProcessors();
    BackendFactory backend = new CpuBackendFactory(kernels, threads);
    EngineSettings settings =
        EngineSettings.defaults()
            .withRanks(ranks)
            .withBatch(SEQUENCES_MAX, SEQUENCES_MAX * PROMPT_TOKENS)
            .withKvCacheBytes(512L << 20);
    try (Workspace workspace = Workspace.open(Path.of(args[0]))) {
      int vocabulary = workspace.manifest().shape().vocabularySize();
      try (RankedExecutor executor =
          RankedExecutor.openOnHost(workspace, settings, backend, () -> new Sampler(vocabulary))) {
        System.out.printf(
            "java %s, %s, %d ranks, %d prompt and %d new tokens a sequence%n",
            Runtime.version(), backend.name(), ranks, PROMPT_TOKENS, NEW_TOKENS);
        GenerationBenchmark benchmark = new GenerationBenchmark(executor, vocabulary);
        for (int sequences : new int[] {1, 8, SEQUENCES_MAX}) {
          benchmark.print(sequences);
        }
      }
    }
  }
}
