package dev.millrace.engine.model;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.KvCacheType;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.LocalEngineFactory;
import dev.millrace.engine.compute.CpuBackendFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * What keys and values in 8 bits cost a model on the CPU: perplexity of a text in windows, and how
 * far log-probabilities are from those with float32 keys and values.
 *
 * <p>Arguments: WORKSPACE TEXT TOKENS WINDOW.
 */
public final class CacheCost {
  private static final int STEP_TOKENS_MAX = 1024;

  private CacheCost() {}

  public static void main(String[] arguments) throws Exception {
    Path workspace = Path.of(arguments[0]);
    int count = Integer.parseInt(arguments[2]);
    int window = Integer.parseInt(arguments[3]);
    int[] tokens =
        new LocalEngineFactory(workspace.toString(), EngineSettings.defaults())
            .openPromptEncoder()
            .encode(new Prompt.Text(Files.readString(Path.of(arguments[1]))));
    float[] plain = {};
    for (KvCacheType type : KvCacheType.values()) {
      long start = System.nanoTime();
      float[] logprobs = score(workspace, type, Arrays.copyOf(tokens, count), window);
      double seconds = (System.nanoTime() - start) / 1e9;
      plain = type == KvCacheType.AUTO ? logprobs : plain;
      double perplexity = perplexity(logprobs);
      System.out.printf(
          "%s: %d tokens scored, perplexity %.4f (%+.4f %%), rms difference of log-probabilities %.5f, %.0f s%n",
          type.label(),
          logprobs.length,
          perplexity,
          100 * (perplexity / perplexity(plain) - 1),
          difference(logprobs, plain),
          seconds);
    }
  }

  private static float[] score(Path folder, KvCacheType type, int[] tokens, int window)
      throws Exception {
    EngineSettings settings =
        new EngineSettings("cpu", 1, 4, STEP_TOKENS_MAX, 0, window, true, 0, 600_000)
            .withKvCacheType(type);
    float[] logprobs = {};
    try (Workspace workspace = Workspace.open(folder);
        RankedExecutor executor = open(workspace, settings)) {
      StepDriver driver = new StepDriver(executor, STEP_TOKENS_MAX);
      for (int start = 0; start < tokens.length; start += window) {
        int[] piece = Arrays.copyOfRange(tokens, start, Math.min(tokens.length, start + window));
        float[] found = driver.score(piece, STEP_TOKENS_MAX);
        int before = logprobs.length;
        logprobs = Arrays.copyOf(logprobs, before + found.length);
        System.arraycopy(found, 0, logprobs, before, found.length);
      }
    }
    return logprobs;
  }

  private static RankedExecutor open(Workspace workspace, EngineSettings settings) {
    int vocabulary = workspace.manifest().shape().vocabularySize();
    return RankedExecutor.openOnHost(
        workspace, settings, new CpuBackendFactory(), () -> new GreedySampler(vocabulary));
  }

  private static double perplexity(float[] logprobs) {
    double sum = 0;
    for (float logprob : logprobs) {
      sum -= logprob;
    }
    return Math.exp(sum / logprobs.length);
  }

  private static double difference(float[] found, float[] expected) {
    double squares = 0;
    for (int i = 0; i < found.length; i++) {
      squares += Math.pow((double) found[i] - expected[i], 2);
    }
    return Math.sqrt(squares / found.length);
  }
}
