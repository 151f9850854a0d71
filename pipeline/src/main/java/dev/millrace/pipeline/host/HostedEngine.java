package dev.millrace.pipeline.host;

import dev.millrace.api.engine.DoesNotFitException;
import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.RequestFailure;
import dev.millrace.pipeline.generate.CompletionCodec;
import dev.millrace.pipeline.generate.EngineUnavailableException;
import dev.millrace.pipeline.generate.SoleUse;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * An engine in another process, as its workers see it. Callers touch queues alone: an interrupt
 * would close the socket under everybody else, so two threads of its own do all input and output.
 * When the process ends, everything in flight is lost with it, as with any engine that fails.
 */
final class HostedEngine implements Engine, SoleUse {
  private static final long POLL_MILLIS = 100;
  private static final long COUNTS_PATIENCE_MILLIS = 5_000;
  private static final long JOIN_MILLIS = 5_000;

  private final ByteChannel channel;
  private final Supplier<String> whyEnded;
  private final BlockingQueue<Order> orders = new LinkedBlockingQueue<>(); // bounded by the window
  private final Map<Long, InFlight> inFlight = new ConcurrentHashMap<>();
  private final Map<Long, CompletableFuture<byte[]>> questions = new ConcurrentHashMap<>();
  private final AtomicLong keys = new AtomicLong();
  private final Semaphore window = new Semaphore(0);
  private final CompletableFuture<EngineJson.Welcome> welcome = new CompletableFuture<>();
  private final Thread reader = new Thread(this::read, "millrace-host-replies");
  private final Thread writer = new Thread(this::write, "millrace-host-orders");
  private volatile EngineException failure;
  private volatile boolean closed;
  private volatile EngineStatistics last;

  private record InFlight(GenerationRequest request, Consumer<Completion> completion) {
    void fail(FailureReason reason, String message) {
      completion.accept(Completion.failed(request.id(), new RequestFailure(reason, message)));
    }
  }

  /**
   * @param channel connected to the engine's process
   * @param whyEnded asked once when the connection ends of itself; says why, for people
   */
  HostedEngine(ByteChannel channel, Supplier<String> whyEnded) {
    this.channel = channel;
    this.whyEnded = whyEnded;
    reader.setDaemon(true);
    writer.setDaemon(true);
    reader.start();
    writer.start();
  }

  /**
   * Waits until the engine is open, which may take as long as loading a model takes.
   *
   * @return false if the other side hung up before it said anything
   * @throws EngineUnavailableException if the engine cannot be opened now
   * @throws DoesNotFitException if its memory plan does not fit
   * @throws EngineException if it cannot be opened
   */
  boolean awaitOpen() throws InterruptedException {
    try {
      last = welcome.get().counts();
      return true;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof EngineUnavailableException later) {
        throw new EngineUnavailableException(later.getMessage(), later);
      }
      if (e.getCause() instanceof DoesNotFitException large) {
        throw new DoesNotFitException(large.getMessage());
      }
      if (e.getCause() instanceof EngineException refused) {
        throw new EngineException(refused.getMessage(), refused);
      }
      return false;
    }
  }

  private void read() {
    String end = null;
    try {
      MessageStream.read(channel, new ReplyLayout(), this::take);
    } catch (IOException | RuntimeException e) {
      end = closed ? null : e.toString(); // a killed process resets the connection
    } catch (Error e) { // a class that is missing, say: nobody else would tell those who wait
      end(new EngineException("replies of the engine's process cannot be read: " + e, e));
      closeChannel();
    }
    if (failure == null && !closed) {
      if (!welcome.isDone()) {
        welcome.completeExceptionally(new IOException(end));
      }
      fail(new EngineException(reason()));
    }
  }

  /** Who waits is told that the connection ended even if nobody can say why. */
  private String reason() {
    try {
      return whyEnded.get();
    } catch (RuntimeException | Error e) {
      return "the engine's process ended, and it cannot be told why: " + e;
    }
  }

  private void write() {
    try {
      MessageStream.write(channel, orders, new OrderLayout());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // closed
    } catch (IOException e) {
      join(reader); // what the process said before it hung up may not be read yet
      closeChannel(); // the reader finds out why and tells
    } catch (RuntimeException | Error e) {
      end(new EngineException("a request cannot be sent to the engine's process: " + e, e));
      closeChannel();
    }
  }

  private void take(Reply reply) throws IOException {
    switch (reply.kind()) {
      case READY -> {
        EngineJson.Welcome open = EngineJson.welcome(reply.body());
        window.release(open.window());
        welcome.complete(open);
      }
      case COMPLETION -> complete(reply);
      case CLAIMED, COUNTS -> {
        CompletableFuture<byte[]> question = questions.remove(reply.key());
        if (question != null) {
          question.complete(reply.body());
        }
      }
      case FAILED -> end(new EngineException(text(reply)));
      case UNAVAILABLE -> end(new EngineUnavailableException(text(reply)));
      case DOES_NOT_FIT -> {
        welcome.completeExceptionally(new DoesNotFitException(text(reply)));
        fail(new EngineException(text(reply)));
      }
    }
  }

  private static String text(Reply reply) {
    return new String(reply.body(), StandardCharsets.UTF_8);
  }

  private void end(EngineException cause) {
    welcome.completeExceptionally(cause);
    fail(cause);
  }

  private void complete(Reply reply) throws IOException {
    InFlight answered = inFlight.remove(reply.key());
    if (answered != null) {
      Completion completion =
          CompletionCodec.read(
              new DataInputStream(new ByteArrayInputStream(reply.body())), answered.request().id());
      window.release();
      answered.completion().accept(completion);
    }
  }

  private void fail(EngineException cause) {
    failure = cause;
    failAll(FailureReason.ENGINE_FAILED, cause.getMessage());
  }

  /** No more answers will come, to requests or to questions. */
  private void failAll(FailureReason reason, String message) {
    for (CompletableFuture<byte[]> question : questions.values()) {
      question.completeExceptionally(new EngineException(message));
    }
    for (Long key : List.copyOf(inFlight.keySet())) {
      InFlight lost = inFlight.remove(key);
      if (lost != null) {
        lost.fail(reason, message);
      }
    }
  }

  @Override
  public EngineInfo info() {
    return welcome.join().info();
  }

  @Override
  public Submission submit(GenerationRequest request, Consumer<Completion> completion)
      throws InterruptedException {
    do {
      checkUsable();
    } while (!window.tryAcquire(POLL_MILLIS, TimeUnit.MILLISECONDS));
    long key = keys.incrementAndGet();
    inFlight.put(key, new InFlight(request, completion));
    if ((failure != null || closed) && inFlight.remove(key) != null) {
      checkUsable(); // it ended in between, and has not seen this request
    }
    orders.add(Order.submit(key, request));
    return () -> cancel(key);
  }

  private void checkUsable() {
    if (closed) {
      throw new EngineException("the engine was closed");
    }
    if (failure != null) {
      throw new EngineException(failure.getMessage(), failure);
    }
  }

  private void cancel(long key) {
    if (inFlight.containsKey(key)) {
      orders.add(Order.of(Order.Kind.CANCEL, key));
    }
  }

  /** Asks and gives up when the engine has ended; an empty answer says so. */
  private byte[] ask(Order.Kind kind, long patienceMillis)
      throws InterruptedException, TimeoutException {
    long key = keys.incrementAndGet();
    CompletableFuture<byte[]> answer = new CompletableFuture<>();
    questions.put(key, answer);
    try {
      if (failure != null || closed) {
        return Reply.NOTHING;
      }
      orders.add(Order.of(kind, key));
      return answer.get(patienceMillis, TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      return Reply.NOTHING;
    } finally {
      questions.remove(key);
    }
  }

  @Override
  public boolean claim() throws InterruptedException {
    try {
      ask(Order.Kind.CLAIM, Long.MAX_VALUE);
      if (closed) {
        throw new EngineUnavailableException("the engine was closed: the job is ending");
      }
      return failure == null;
    } catch (TimeoutException e) {
      throw new IllegalStateException("waited for ever", e);
    }
  }

  @Override
  public void release() {
    orders.add(Order.of(Order.Kind.RELEASE, 0));
  }

  /** Since this worker joined; of an engine that has ended, what was known of it. */
  @Override
  public EngineStatistics statistics() {
    EngineStatistics joined = welcome.join().counts();
    try {
      byte[] counts = ask(Order.Kind.COUNT, COUNTS_PATIENCE_MILLIS);
      if (counts.length > 0) {
        last = EngineJson.counts(counts);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (TimeoutException e) {
      return EngineJson.since(joined, last); // busy; the next reading will be newer
    } catch (IOException e) {
      throw new EngineException("the engine's process answered in another form", e);
    }
    return EngineJson.since(joined, last);
  }

  /** Leaves the engine; its process stays for a while, for the next one who needs it. */
  @Override
  public void close() {
    closed = true;
    failAll(FailureReason.CANCELLED, "the engine was closed");
    writer.interrupt();
    closeChannel();
    join(writer);
    join(reader);
  }

  private static void join(Thread thread) {
    if (thread == Thread.currentThread()) {
      return;
    }
    try {
      thread.join(JOIN_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void closeChannel() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new EngineException("the connection to the engine's process cannot be closed", e);
    }
  }
}
