package dev.millrace.pipeline.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.api.engine.PromptEncoder;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.Prompt;
import dev.millrace.api.request.SamplingSettings;
import dev.millrace.pipeline.generate.EngineUnavailableException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.UncheckedIOException;
import java.net.SocketException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What an engine's process tells those who join it as it begins and ends. */
@Timeout(120)
final class EngineServerTest {
  private static final GenerationRequest REQUEST =
      new GenerationRequest(
          "r", new Prompt.Tokens(new int[] {1}), SamplingSettings.builder().maxTokens(1).build());

  private final CompletableFuture<Void> end = new CompletableFuture<>();
  @TempDir private Path folder;

  private Path socket() {
    return folder.resolve("e.sock");
  }

  /** A server that dies when the test says so. */
  private CompletableFuture<Boolean> serve(Supplier<Engine> engine) {
    return serve(
        engine, new EngineServer(socket(), Duration.ZERO, line -> {}, () -> {}, end::join));
  }

  private static CompletableFuture<Boolean> serve(Supplier<Engine> engine, EngineServer server) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            return server.run(engine);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
        },
        task -> new Thread(task, "server").start());
  }

  private SocketChannel connect() {
    while (true) {
      try {
        return SocketChannel.open(UnixDomainSocketAddress.of(socket()));
      } catch (SocketException e) {
        Thread.onSpinWait(); // it does not listen yet
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private HostedEngine join() {
    return new HostedEngine(connect(), () -> "ended");
  }

  @Test
  void anEngineThatHasFailedIsGivenToNobodyElse() throws Exception {
    StubEngine engine = new StubEngine();
    CompletableFuture<Boolean> served = serve(() -> engine);
    HostedEngine first = join();
    assertTrue(first.awaitOpen());
    CompletableFuture<HostedEngine> next = new CompletableFuture<>();
    first.submit(REQUEST, lost -> next.complete(join()));

    engine.fail();
    HostedEngine second = next.get();
    end.complete(null);

    assertFalse(second.awaitOpen(), "it hears nothing, and tries another process");
    first.close();
    second.close();
    assertTrue(served.get());
  }

  @Test
  void nobodyGetsAnEngineAloneThatHasFailed() throws Exception {
    StubEngine engine = new StubEngine();
    CompletableFuture<Boolean> served = serve(() -> engine);
    HostedEngine first = join();
    HostedEngine second = join();
    CompletableFuture<Boolean> claimed = claimWhileWorking(engine, first, second);

    engine.fail();

    assertFalse(claimed.get());
    end.complete(null);
    first.close();
    second.close();
    assertTrue(served.get());
  }

  /** The second's claim, which waits for a request of the first. */
  private static CompletableFuture<Boolean> claimWhileWorking(
      StubEngine engine, HostedEngine first, HostedEngine second) throws Exception {
    assertTrue(first.awaitOpen());
    assertTrue(second.awaitOpen());
    first.submit(REQUEST, lost -> {});
    engine.awaitRequest(); // or the claim could come first, and keep the request off the engine
    return claim(second);
  }

  /** A claim whose order is on its way. */
  private static CompletableFuture<Boolean> claim(HostedEngine engine) {
    CompletableFuture<Boolean> claimed = new CompletableFuture<>();
    Thread claim =
        new Thread(
            () -> {
              try {
                claimed.complete(engine.claim());
              } catch (InterruptedException | EngineException e) {
                claimed.completeExceptionally(e);
              }
            });
    claim.start();
    while (claim.getState() != Thread.State.TIMED_WAITING) {
      Thread.onSpinWait();
    }
    return claimed;
  }

  @Test
  void whoWaitsToHaveAnEngineAloneIsToldThatItWasClosed() throws Exception {
    StubEngine engine = new StubEngine();
    CompletableFuture<Boolean> served = serve(() -> engine);
    HostedEngine first = join();
    HostedEngine second = join();
    CompletableFuture<Boolean> claimed = claimWhileWorking(engine, first, second);

    second.close();

    ExecutionException ended = assertThrows(ExecutionException.class, claimed::get);
    assertTrue(ended.getCause() instanceof EngineUnavailableException, ended.toString());
    first.close();
    assertTrue(served.get());
  }

  @Test
  void whoWaitsIsToldOfTheEndEvenIfNobodyCanSayWhy() throws Exception {
    SilentChannel channel = new SilentChannel();
    HostedEngine engine =
        new HostedEngine(
            channel,
            () -> {
              throw new IllegalStateException("the log is gone");
            });
    CompletableFuture<Boolean> claimed = claim(engine);

    channel.close(); // as the end of the process does

    assertFalse(claimed.get());
    EngineException later =
        assertThrows(EngineException.class, () -> engine.submit(REQUEST, a -> {}));
    assertTrue(later.getMessage().contains("the log is gone"), later.getMessage());
    engine.close();
  }

  @Test
  void anEngineThatDoesNotLingerWaitsForItsFirstWorker() throws Exception {
    CompletableFuture<Boolean> served = serve(StubEngine::new);

    assertThrows(TimeoutException.class, () -> served.get(300, TimeUnit.MILLISECONDS));
    HostedEngine first = join();

    assertTrue(first.awaitOpen());
    first.close();
    assertTrue(served.get());
  }

  @Test
  void aRefusalSaysWhetherALaterTryMayDoBetter() throws Exception {
    CompletableFuture<Boolean> served =
        serve(
            () -> {
              throw new EngineUnavailableException("another has the GPU");
            });
    HostedEngine first = join();

    EngineUnavailableException refused =
        assertThrows(EngineUnavailableException.class, first::awaitOpen);

    assertEquals("another has the GPU", refused.getMessage());
    first.close();
    assertFalse(served.get());
  }

  @Test
  void theReasonOfARefusalIsLeftToAWorkerThatWasNotTold() throws Exception {
    Process process = start(new RefusingFactory(), HostSettings.defaults().linger());
    connect().close();

    assertEquals(1, process.waitFor());

    String log = ChildJvm.endOfLog(HostAssignment.log(socket()));
    assertTrue(log.contains("the workspace is missing"), log);
  }

  private Process start(EngineFactory factory, Duration linger) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(factory);
    }
    HostSettings settings =
        HostSettings.defaults().withJvmOptions(List.of("-Xmx96m")).withLinger(linger);
    Path devices = Files.createDirectory(folder.resolve("devices"));
    return ChildJvm.likeThis(settings).start(socket(), devices, bytes.toByteArray());
  }

  @Test
  void aThreadThatDiesLeavesNobodyWaiting() {
    SilentChannel unreadable =
        new SilentChannel() {
          @Override
          public int read(ByteBuffer to) {
            throw new NoClassDefFoundError("a class is missing");
          }
        };
    HostedEngine deaf = new HostedEngine(unreadable, () -> "ended");
    EngineException unread = assertThrows(EngineException.class, deaf::awaitOpen);
    assertTrue(unread.getMessage().contains("replies"), unread.getMessage());
    assertTrue(unread.getMessage().contains("a class is missing"), unread.getMessage());
    deaf.close();

    HostedEngine dumb = new HostedEngine(new UnwritableChannel(), () -> "ended");
    dumb.release(); // something to send
    EngineException unsent = assertThrows(EngineException.class, dumb::awaitOpen);
    assertTrue(unsent.getMessage().contains("a request cannot be sent"), unsent.getMessage());
    dumb.close();
  }

  @Test
  void anErrorAsARequestIsHandedOverIsTold() throws Exception {
    StubEngine engine =
        new StubEngine() {
          @Override
          public Submission submit(GenerationRequest request, Consumer<Completion> completion) {
            throw new StackOverflowError();
          }
        };
    CompletableFuture<Boolean> served = serve(() -> engine);
    HostedEngine worker = join();
    assertTrue(worker.awaitOpen());
    CompletableFuture<Completion> answer = new CompletableFuture<>();

    worker.submit(REQUEST, answer::complete);

    assertTrue(answer.get().failure().message().contains("StackOverflowError"));
    end.complete(null);
    worker.close();
    assertTrue(served.get());
  }

  @Test
  void aWorkerThatCannotBeAnsweredIsHungUpOn() {
    EngineServer server = new EngineServer(socket(), Duration.ZERO, line -> {}, () -> {}, () -> {});
    UnwritableChannel channel = new UnwritableChannel();
    ServedConnection connection =
        new ServedConnection(server, new StubEngine(), new Turnstile(), channel);
    connection.welcome(1);

    connection.serve(); // until the channel is closed

    assertFalse(channel.isOpen());
  }

  /** A server that is short of threads of one name, for a while. */
  private final class ShortServer extends EngineServer {
    private final String shortOf;
    private volatile boolean isShort;

    ShortServer(String shortOf, Runnable end) {
      super(socket(), Duration.ZERO, line -> {}, () -> {}, end);
      this.shortOf = shortOf;
    }

    @Override
    void start(String name, Runnable task) {
      if (isShort && name.equals(shortOf)) {
        throw new OutOfMemoryError("unable to create native thread");
      }
      super.start(name, task);
    }
  }

  @Test
  void aWorkerForWhomThereIsNoThreadIsRefusedAndTheOthersAreServed() throws Exception {
    ShortServer server = new ShortServer("host-orders", end::join);
    CompletableFuture<Boolean> served = serve(StubEngine::new, server);
    HostedEngine first = join();
    assertTrue(first.awaitOpen());

    server.isShort = true;
    HostedEngine second = join();
    EngineUnavailableException refused =
        assertThrows(EngineUnavailableException.class, second::awaitOpen);
    second.close();
    server.isShort = false;
    HostedEngine third = join();

    assertTrue(refused.getMessage().contains("no thread"), refused.getMessage());
    assertTrue(third.awaitOpen());
    third.close();
    first.close();
    assertTrue(served.get(), "it knows that nobody is left");
  }

  @Test
  void aProcessWithoutAThreadToTellOfItsFailureEnds() throws Exception {
    StubEngine engine = new StubEngine();
    ShortServer server = new ShortServer("host-end", () -> end.complete(null));
    CompletableFuture<Boolean> served = serve(() -> engine, server);
    HostedEngine worker = join();
    assertTrue(worker.awaitOpen());
    worker.submit(REQUEST, lost -> {});
    server.isShort = true;

    engine.fail();

    end.get();
    worker.close();
    assertTrue(served.get());
  }

  @Test
  void whatAProcessLeavesLastIsItsSocket() throws Exception {
    Process process = start(new SucceededFactory(socket().toString()), Duration.ZERO);
    HostedEngine worker = join();
    assertTrue(worker.awaitOpen());

    worker.close();

    assertEquals(0, process.waitFor());
    assertTrue(Files.exists(socket()), "the next one's socket");
    String log = ChildJvm.endOfLog(HostAssignment.log(socket()));
    assertTrue(log.startsWith("the next one's"), log);
  }

  @Test
  void ofALogOnlyTheEndIsRead() throws IOException {
    Path log = folder.resolve("long.log");
    Files.write(log, new byte[] {(byte) 0xff}); // not UTF-8, which is seen if it is looked at
    Files.writeString(log, "x".repeat(1 << 17), StandardOpenOption.APPEND);
    Files.writeString(log, "\nthe last but one\n\nthe last \u00e9\n", StandardOpenOption.APPEND);

    String end = ChildJvm.endOfLog(log);

    assertTrue(end.endsWith(" | the last but one | the last \u00e9"), end);
    assertEquals("", ChildJvm.endOfLog(folder.resolve("none.log")));
  }

  /** Takes all and says nothing until it is closed. */
  private static class SilentChannel implements ByteChannel {
    private final CountDownLatch closed = new CountDownLatch(1);

    @Override
    public int read(ByteBuffer to) {
      try {
        closed.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      return -1;
    }

    @Override
    public int write(ByteBuffer from) {
      int bytes = from.remaining();
      from.position(from.limit());
      return bytes;
    }

    @Override
    public boolean isOpen() {
      return closed.getCount() > 0;
    }

    @Override
    public void close() {
      closed.countDown();
    }
  }

  /** Fails in writing as a JVM does that lacks a class. */
  private static final class UnwritableChannel extends SilentChannel {
    @Override
    public int write(ByteBuffer from) {
      throw new NoClassDefFoundError("a class is missing");
    }
  }

  /** Opens an engine that is replaced by another process's as it closes. */
  private record SucceededFactory(String socket) implements EngineFactory {
    @Override
    public String fingerprint() {
      return "succeeded";
    }

    @Override
    public String modelFingerprint() {
      return "succeeded";
    }

    @Override
    public PromptEncoder openPromptEncoder() {
      throw new UnsupportedOperationException();
    }

    @Override
    public Engine openEngine() {
      return new StubEngine() {
        @Override
        public void close() {
          try {
            Files.createFile(Path.of(socket));
            Files.writeString(HostAssignment.log(Path.of(socket)), "the next one's\n");
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        }
      };
    }
  }

  private record RefusingFactory() implements EngineFactory {
    @Override
    public String fingerprint() {
      return "refusing";
    }

    @Override
    public String modelFingerprint() {
      return "refusing";
    }

    @Override
    public PromptEncoder openPromptEncoder() {
      throw new EngineException("the workspace is missing");
    }

    @Override
    public Engine openEngine() {
      throw new EngineException("the workspace is missing");
    }
  }
}
