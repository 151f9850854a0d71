package dev.millrace.engine;

import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import java.util.concurrent.atomic.AtomicInteger;

/** Times what the engine adds around a model that costs next to nothing: run {@code main}. */
final class LocalEngineBenchmark {
  private static final int REQUESTS = 100_000;
  private static final int TOKENS = 8;

  private LocalEngineBenchmark() {}

  public static void main(String[] args) throws InterruptedException {
    for (int round = 0; round < 3; round++) {
      EngineFixture fixture = new EngineFixture(PhraseExecutor.saying("abcdefghij"));
      fixture.sequencesMax = 64;
      fixture.stepTokensMax = 2048;
      fixture.contextTokensMax = 64;
      fixture.queueSequences = 256;
      AtomicInteger completed = new AtomicInteger();
      SamplingSettings settings = SamplingSettings.builder().maxTokens(TOKENS).build();
      Prompt prompt = new Prompt.Tokens(ScriptedText.tokens("a short prompt of a row"));
      long start = System.nanoTime();
      for (int i = 0; i < REQUESTS; i++) {
        fixture
            .engine()
            .submit(
                new dev.millrace.api.request.GenerationRequest("r" + i, prompt, settings),
                completion -> completed.incrementAndGet());
      }
      while (completed.get() < REQUESTS) {
        Thread.sleep(1);
      }
      long nanos = System.nanoTime() - start;
      EngineStatistics statistics = fixture.engine().statistics();
      fixture.close();
      System.out.printf(
          "%.1f us a request of %d tokens, %.1f us a step of %.1f sequences, model share %.0f %%%n",
          nanos / 1e3 / REQUESTS,
          TOKENS,
          nanos / 1e3 / statistics.steps(),
          (double) statistics.sequenceSteps() / statistics.steps(),
          100.0 * statistics.modelNanos() / nanos);
    }
  }
}
