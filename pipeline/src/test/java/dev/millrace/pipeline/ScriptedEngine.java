package dev.millrace.pipeline;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.api.request.Choice;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.FinishReason;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestFailure;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.api.request.TokenLogprob;
import dev.millrace.api.request.TokenUsage;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Answers {@code echo:PROMPT} cut to {@code max_tokens} bytes. A prompt with {@code POISON} in it
 * kills the engine, {@code HALT} its process, {@code DEADLINE} misses its deadline.
 */
final class ScriptedEngine implements Engine {
  private final ScriptedEngineFactory factory;
  private final BlockingQueue<Work> queue;
  private final Thread worker;
  private volatile String failure;
  private volatile boolean closed;
  private volatile EngineStatistics statistics = new EngineStatistics(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

  ScriptedEngine(ScriptedEngineFactory factory) {
    this.factory = factory;
    this.queue = new ArrayBlockingQueue<>(factory.queue());
    this.worker = new Thread(this::work, "scripted-engine");
    worker.setDaemon(true);
    worker.start();
  }

  private static final class Work implements Submission {
    private final GenerationRequest request;
    private final Consumer<Completion> completion;
    private volatile boolean cancelled;

    Work(GenerationRequest request, Consumer<Completion> completion) {
      this.request = request;
      this.completion = completion;
    }

    @Override
    public void cancel() {
      cancelled = true;
    }

    void fail(FailureReason reason, String message) {
      completion.accept(Completion.failed(request.id(), new RequestFailure(reason, message)));
    }
  }

  @Override
  public EngineInfo info() {
    return new EngineInfo(
        factory.name(),
        "scripted",
        1,
        factory.contextTokensMax(),
        factory.queue(),
        0,
        List.of(new MemoryEntry("weights", 0, 0)));
  }

  @Override
  public Submission submit(GenerationRequest request, Consumer<Completion> completion)
      throws InterruptedException {
    Work work = new Work(request, completion);
    while (true) {
      if (failure != null || closed) {
        throw new EngineException(closed ? "closed" : failure);
      }
      if (queue.offer(work, 5, TimeUnit.MILLISECONDS)) {
        return work;
      }
    }
  }

  private void work() {
    while (!closed) {
      try {
        Work work = queue.poll(5, TimeUnit.MILLISECONDS);
        if (work != null) {
          answer(work);
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  private void answer(Work work) {
    if (factory.requestNanos() > 0) {
      LockSupport.parkNanos(factory.requestNanos());
    }
    factory.counts().requests.incrementAndGet();
    if (work.cancelled) {
      work.fail(FailureReason.CANCELLED, "cancelled");
      return;
    }
    String prompt = text(work.request.prompt());
    if (prompt.contains("HALT")) {
      Runtime.getRuntime().halt(137);
    }
    if (failure == null && (factory.broken() || prompt.contains("POISON"))) {
      failure = factory.broken() ? "the engine is broken" : "the scripted engine met poison";
    }
    if (failure != null) {
      work.fail(FailureReason.ENGINE_FAILED, failure);
    } else if (prompt.contains("DEADLINE")) {
      work.fail(FailureReason.DEADLINE_EXCEEDED, "too slow");
    } else {
      work.completion.accept(completion(work.request, prompt));
    }
  }

  private Completion completion(GenerationRequest request, String prompt) {
    SamplingSettings sampling = request.sampling();
    int promptTokens = ((Prompt.Tokens) request.prompt()).tokenIds().length;
    List<Choice> choices = new ArrayList<>();
    int output = 0;
    if (request.isScoring()) {
      choices.add(score(text(request.continuation()), sampling));
    } else {
      for (int i = 0; i < sampling.n(); i++) {
        Choice choice = choice(request, prompt, i);
        output += choice.tokenIds().length;
        choices.add(choice);
      }
    }
    EngineStatistics now = statistics;
    statistics =
        new EngineStatistics(
            now.requests() + 1,
            now.promptTokens() + promptTokens,
            0,
            0,
            now.outputTokens() + output,
            0,
            0,
            0,
            0,
            0);
    List<TokenLogprob> promptLogprobs =
        sampling.promptLogprobs() == null ? List.of() : logprobs(prompt.length() - 1, sampling);
    return new Completion(
        request.id(), choices, promptLogprobs, new TokenUsage(promptTokens, 0, output), null);
  }

  private static Choice choice(GenerationRequest request, String prompt, int index) {
    SamplingSettings sampling = request.sampling();
    long seed =
        sampling.seed() != null ? sampling.seed() : sampling.isGreedy() ? 0 : seed(request.id());
    String answer =
        "echo" + (index == 0 ? "" : index) + (seed == 0 ? "" : "@" + seed) + ":" + prompt;
    byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
    int length = Math.min(bytes.length, sampling.maxTokens());
    int[] tokens = new int[length];
    for (int i = 0; i < length; i++) {
      tokens[i] = bytes[i] & 0xff;
    }
    return new Choice(
        index,
        tokens,
        new String(bytes, 0, length, StandardCharsets.UTF_8),
        length == bytes.length ? FinishReason.STOP : FinishReason.LENGTH,
        null,
        -0.5 * length,
        sampling.logprobs() == null ? List.of() : logprobs(length, sampling),
        seed);
  }

  static long seed(String id) {
    return Integer.toUnsignedLong(id.hashCode());
  }

  private static Choice score(String continuation, SamplingSettings sampling) {
    return new Choice(
        0,
        new int[continuation.length()],
        "",
        FinishReason.SCORED,
        null,
        -0.25 * continuation.length(),
        logprobs(continuation.length(), sampling),
        0);
  }

  private static List<TokenLogprob> logprobs(int count, SamplingSettings sampling) {
    int top = Math.max(1, sampling.logprobs() == null ? 0 : sampling.logprobs());
    List<TokenLogprob> logprobs = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int[] ids = new int[top];
      float[] values = new float[top];
      for (int k = 0; k < top; k++) {
        ids[k] = i + k;
        values[k] = -0.5f - k;
      }
      logprobs.add(new TokenLogprob(i, -0.5f, ids, values));
    }
    return logprobs;
  }

  private static String text(Prompt prompt) {
    if (prompt instanceof Prompt.Text text) {
      return text.text();
    }
    int[] tokens = ((Prompt.Tokens) prompt).tokenIds();
    byte[] bytes = new byte[tokens.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) tokens[i];
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }

  @Override
  public EngineStatistics statistics() {
    return statistics;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      factory.counts().closed.incrementAndGet();
      try {
        worker.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      for (Work work = queue.poll(); work != null; work = queue.poll()) {
        work.fail(FailureReason.CANCELLED, "the engine was closed");
      }
    }
  }
}
