package dev.millrace.jobs.run;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.report.TimeForecast;
import dev.millrace.pipeline.job.StagePlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Measures a model for a few seconds with prompts as long as the job's median one, in batches as
 * large as the job's. Rough: the clock also sees the JVM warming up, so a job tends to be faster.
 */
public final class Calibration {
  private static final long SECONDS_MAX = 10;
  private static final int OUTPUT_TOKENS = 32;

  private final EngineFactory factory;
  private final LongSupplier nanoClock;

  /** A measurement of one model; {@code nanoClock} is {@link System#nanoTime} or a test's own. */
  public Calibration(EngineFactory factory, LongSupplier nanoClock) {
    this.factory = factory;
    this.nanoClock = nanoClock;
  }

  /** Loads the model, lets it work, and scales up. */
  public TimeForecast measure(StagePlan plan) {
    try (Engine engine = factory.openEngine()) {
      double load = engine.info().loadNanos() / 1e9;
      long started = nanoClock.getAsLong();
      generate(engine, plan);
      double seconds = (nanoClock.getAsLong() - started) / 1e9;
      EngineStatistics statistics = engine.statistics();
      if (statistics.computedTokens() == 0) {
        throw new CommandException(
            ExitCode.RETRYABLE,
            "No token came out within " + SECONDS_MAX + " s of measuring",
            "Run the job to see, or try a smaller --batch-size.");
      }
      double perToken = seconds / statistics.computedTokens();
      long tokens = plan.promptTokens() - plan.sharedPrefixTokens() + plan.outputTokensMax();
      double longest = load + perToken * tokens;
      return new TimeForecast(
          longest,
          longest,
          String.format(
              "measured now on %,d tokens in %.1f s; shorter if answers end before their last token",
              statistics.computedTokens(), seconds));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CommandException(
          ExitCode.INTERRUPTED, "Interrupted while measuring", "Run the same command again.", e);
    }
  }

  private static void generate(Engine engine, StagePlan plan) throws InterruptedException {
    int promptTokens = Math.max(1, plan.promptLengths().median());
    int outputTokens =
        Math.max(1, Math.min(OUTPUT_TOKENS, engine.info().contextTokensMax() - promptTokens));
    int requests = (int) Math.min(plan.requests(), engine.info().sequencesMax());
    SamplingSettings sampling =
        SamplingSettings.builder().maxTokens(outputTokens).ignoreEos(true).build();
    CountDownLatch finished = new CountDownLatch(requests);
    List<Engine.Submission> submissions = new ArrayList<>();
    for (int i = 0; i < requests; i++) {
      int[] prompt = new int[promptTokens];
      // token ids that every vocabulary has; prompts differ from their first token on
      Arrays.setAll(prompt, position -> position % 7);
      prompt[0] = 3 + i % 100;
      submissions.add(
          engine.submit(
              new GenerationRequest("calibration-" + i, new Prompt.Tokens(prompt), sampling),
              (Completion completion) -> finished.countDown()));
    }
    if (!finished.await(SECONDS_MAX, TimeUnit.SECONDS)) {
      submissions.forEach(Engine.Submission::cancel);
      finished.await();
    }
  }
}
