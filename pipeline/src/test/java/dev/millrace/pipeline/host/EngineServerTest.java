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
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
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
    EngineServer server = new EngineServer(socket(), Duration.ZERO, line -> {}, end::join);
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
    assertTrue(first.awaitOpen());
    assertTrue(second.awaitOpen());
    first.submit(REQUEST, lost -> {});
    engine.awaitRequest(); // or the claim could come first, and keep the request off the engine
    CompletableFuture<Boolean> claimed = new CompletableFuture<>();
    Thread claim =
        new Thread(
            () -> {
              try {
                claimed.complete(second.claim());
              } catch (InterruptedException e) {
                claimed.completeExceptionally(e);
              }
            });
    claim.start();
    while (claim.getState() != Thread.State.TIMED_WAITING) {
      Thread.onSpinWait(); // until its order is on its way
    }

    engine.fail();

    assertFalse(claimed.get());
    end.complete(null);
    first.close();
    second.close();
    assertTrue(served.get());
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
    ByteArrayOutputStream factory = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(factory)) {
      out.writeObject(new RefusingFactory());
    }
    HostSettings settings = HostSettings.defaults().withJvmOptions(List.of("-Xmx96m"));
    Path devices = Files.createDirectory(folder.resolve("devices"));
    Process process = ChildJvm.likeThis(settings).start(socket(), devices, factory.toByteArray());
    connect().close();

    assertEquals(1, process.waitFor());

    String log = ChildJvm.endOfLog(HostAssignment.log(socket()));
    assertTrue(log.contains("the workspace is missing"), log);
  }

  @Test
  void aThreadThatDiesLeavesNobodyWaiting() {
    HostedEngine deaf = new HostedEngine(new BrokenChannel(true), () -> "ended");
    EngineException unread = assertThrows(EngineException.class, deaf::awaitOpen);
    assertTrue(unread.getMessage().contains("replies"), unread.getMessage());
    assertTrue(unread.getMessage().contains("a class is missing"), unread.getMessage());
    deaf.close();

    HostedEngine dumb = new HostedEngine(new BrokenChannel(false), () -> "ended");
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

  /** Fails as a JVM does that lacks a class: in reading, or else in writing, when nothing comes. */
  private static final class BrokenChannel implements ByteChannel {
    private final CountDownLatch closed = new CountDownLatch(1);
    private final boolean inReading;

    BrokenChannel(boolean inReading) {
      this.inReading = inReading;
    }

    @Override
    public int read(ByteBuffer to) {
      if (inReading) {
        throw new NoClassDefFoundError("a class is missing");
      }
      try {
        closed.await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      return -1;
    }

    @Override
    public int write(ByteBuffer from) {
      if (inReading) {
        int bytes = from.remaining();
        from.position(from.limit());
        return bytes;
      }
      throw new NoClassDefFoundError("a class is missing");
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
