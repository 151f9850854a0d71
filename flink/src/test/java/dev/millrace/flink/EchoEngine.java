package dev.millrace.flink;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.request.Choice;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.FinishReason;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.RequestFailure;
import dev.millrace.api.request.TokenUsage;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/** Repeats the prompt of each request. */
final class EchoEngine implements Engine {
  private static final int QUEUE = 64;

  private final long requestMicros;
  private final BlockingQueue<Work> queue = new ArrayBlockingQueue<>(QUEUE);
  private final AtomicLong requests = new AtomicLong();
  private final Thread worker = new Thread(this::work, "echo");
  private volatile boolean closed;

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
  }

  EchoEngine(long requestMicros) {
    this.requestMicros = requestMicros;
    worker.setDaemon(true);
    worker.start();
  }

  @Override
  public EngineInfo info() {
    return new EngineInfo("echo", "echo", 1, 4096, 1, 0, List.of());
  }

  @Override
  public Submission submit(GenerationRequest request, Consumer<Completion> completion)
      throws InterruptedException {
    Work work = new Work(request, completion);
    while (!queue.offer(work, 50, TimeUnit.MILLISECONDS)) {
      if (closed) {
        throw new EngineException("closed");
      }
    }
    return work;
  }

  private void work() {
    try {
      while (!closed) {
        Work work = queue.poll(50, TimeUnit.MILLISECONDS);
        if (work != null) {
          work.completion.accept(answer(work));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Completion answer(Work work) {
    String id = work.request.id();
    if (work.cancelled) {
      return Completion.failed(id, new RequestFailure(FailureReason.CANCELLED, "cancelled"));
    }
    LockSupport.parkNanos(requestMicros * 1000);
    requests.incrementAndGet();
    int[] tokens = ((Prompt.Tokens) work.request.prompt()).tokenIds();
    byte[] bytes = new byte[tokens.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) tokens[i];
    }
    String text = "echo:" + new String(bytes, StandardCharsets.UTF_8);
    Choice choice = new Choice(0, tokens, text, FinishReason.STOP, null, -1, List.of(), 0);
    TokenUsage usage = new TokenUsage(tokens.length, 0, tokens.length);
    return new Completion(id, List.of(choice), List.of(), usage, null);
  }

  @Override
  public EngineStatistics statistics() {
    long done = requests.get();
    return new EngineStatistics(done, done, 0, done, done, done, done, 0, 0, 0);
  }

  @Override
  public void close() {
    closed = true;
  }
}
