package dev.millrace.pipeline.host;

import dev.millrace.api.engine.DoesNotFitException;
import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.pipeline.generate.EngineUnavailableException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ByteChannel;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Serves one engine to the workers that connect to a socket, and ends when nobody has been
 * connected for a while or the engine has failed. Listens before the engine is open: who connects
 * meanwhile waits.
 */
class EngineServer {
  /** Requests that a worker may have open, for each sequence of a step: enough to refill it. */
  private static final int WINDOW_PER_SEQUENCE = 8;

  private static final int WINDOW_MIN = 256;
  private static final int WINDOW_MAX = 16_384;
  private static final long FLUSH_MILLIS = 1_000;

  /** How long a worker may take to join, or to be told a refusal, on a machine that is busy. */
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private static final long FLUSH_STEP_MILLIS = 20;

  private final Path socket;
  private final Duration linger;
  private final Consumer<String> log;
  private final Runnable leave;
  private final Runnable end;
  private final CompletableFuture<Opened> opened = new CompletableFuture<>();
  private final Turnstile turnstile = new Turnstile();
  private final Set<ServedConnection> connections = ConcurrentHashMap.newKeySet();
  private final AtomicBoolean failed = new AtomicBoolean();
  private final CompletableFuture<Void> ended = new CompletableFuture<>();
  private int users; // guarded by this
  private int joined; // guarded by this
  private long idleSince = System.nanoTime(); // guarded by this

  /** What became of opening: an engine, or why there is none. */
  private record Opened(Engine engine, Reply refusal) {
    static Opened refused(Reply.Kind kind, String message) {
      return new Opened(null, new Reply(kind, 0, message.getBytes(StandardCharsets.UTF_8)));
    }
  }

  /**
   * @param linger how long to stay without a connection
   * @param log takes what people may want to know
   * @param leave removes the socket and what lies beside it; run when nobody needs the engine
   * @param end ends the process at once; run when the engine has failed and all are told
   */
  EngineServer(Path socket, Duration linger, Consumer<String> log, Runnable leave, Runnable end) {
    this.socket = socket;
    this.linger = linger;
    this.log = log;
    this.leave = leave;
    this.end = end;
  }

  /**
   * Opens the engine and serves it until nobody needs it.
   *
   * @return false if it could not be opened, which those who joined were told
   */
  boolean run(Supplier<Engine> open) throws IOException, InterruptedException {
    try (ServerSocketChannel listening = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      listening.bind(UnixDomainSocketAddress.of(socket));
      start("host-accept", () -> accept(listening));
      Engine engine = open(open);
      if (engine == null) {
        awaitTold();
        Files.deleteIfExists(socket);
        return false;
      }
      awaitIdle();
      leave.run(); // before it is closed: the next one may listen here already
      engine.close();
      return true;
    }
  }

  /** Starts a thread of this server; tests are short of threads here. */
  void start(String name, Runnable task) {
    Thread thread = new Thread(task, name);
    thread.setDaemon(true);
    thread.start();
  }

  /** Null if it cannot be opened. */
  private Engine open(Supplier<Engine> open) {
    try {
      Engine engine = open.get();
      opened.complete(new Opened(engine, null));
      return engine;
    } catch (EngineException | DoesNotFitException e) {
      log("the engine cannot be opened: " + e.getMessage());
      opened.complete(Opened.refused(kind(e), e.getMessage()));
      return null;
    }
  }

  private static Reply.Kind kind(RuntimeException refusal) {
    if (refusal instanceof DoesNotFitException) {
      return Reply.Kind.DOES_NOT_FIT;
    }
    return refusal instanceof EngineUnavailableException
        ? Reply.Kind.UNAVAILABLE
        : Reply.Kind.FAILED;
  }

  /** Who started this process may not have connected yet. */
  private synchronized void awaitTold() throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while ((users > 0 || joined == 0) && System.nanoTime() < deadline) {
      wait(FLUSH_STEP_MILLIS);
    }
  }

  /** Who started this process may not have connected yet. */
  private synchronized void awaitIdle() throws InterruptedException {
    while (true) {
      Duration stay = joined == 0 && linger.compareTo(PATIENCE) < 0 ? PATIENCE : linger;
      long left = stay.toNanos() - (System.nanoTime() - idleSince);
      if (users == 0 && left <= 0) {
        return;
      }
      wait(users > 0 ? 0 : Math.max(1, left / 1_000_000));
    }
  }

  private void accept(ServerSocketChannel listening) {
    try {
      while (true) {
        SocketChannel channel = listening.accept();
        synchronized (this) {
          users++;
          joined++;
          notifyAll();
        }
        startServing(channel);
      }
    } catch (ClosedChannelException e) {
      log("no more workers are served"); // the end
    } catch (IOException | RuntimeException | Error e) { // nobody else would answer who connects
      fail("the engine's process can take no more connections: " + e);
    }
  }

  /** A worker for whom no thread can be started is refused; the others are served on. */
  private void startServing(SocketChannel channel) throws IOException {
    try {
      start("host-orders", () -> serve(channel));
    } catch (OutOfMemoryError e) {
      String message = "the engine's process can start no thread for another worker: " + e;
      String advice = "; raise the limit of processes (ulimit -u), or start fewer jobs at a time";
      log(message);
      try (channel) {
        refuse(channel, Opened.refused(Reply.Kind.UNAVAILABLE, message + advice).refusal());
      } finally {
        left();
      }
    }
  }

  private void serve(SocketChannel channel) {
    try (channel) {
      MessageStream.rehearse(new OrderLayout()); // while the engine opens
      MessageStream.rehearse(new ReplyLayout());
      serve(channel, opened.join());
    } catch (IOException e) {
      log("a worker's connection failed: " + e);
    } finally {
      left();
    }
  }

  private synchronized void left() {
    users--;
    idleSince = System.nanoTime();
    notifyAll();
  }

  private void serve(SocketChannel channel, Opened outcome) {
    if (outcome.engine() == null) {
      refuse(channel, outcome.refusal());
      return;
    }
    Engine engine = outcome.engine();
    int window = WINDOW_PER_SEQUENCE * engine.info().sequencesMax();
    ServedConnection connection = new ServedConnection(this, engine, turnstile, channel);
    connection.welcome(Math.min(Math.max(WINDOW_MIN, window), WINDOW_MAX));
    connections.add(connection);
    boolean dying = hasFailed(); // asked after it was added: if it fails from now on, it is told
    try {
      if (!dying) {
        connection.serve();
      }
    } finally {
      connections.remove(connection);
    }
    if (dying) {
      ended.join(); // not a word: who hears nothing until the end tries another process
    }
  }

  /** Whether the engine has failed, and this process is about to end. */
  boolean hasFailed() {
    return failed.get();
  }

  private void refuse(ByteChannel channel, Reply refusal) {
    try {
      MessageStream.writeAll(channel, List.of(refusal), new ReplyLayout());
    } catch (IOException e) {
      log("a worker hung up before it was told: " + e);
    }
  }

  /** Tells every worker that the engine has failed, then ends the process: a new one is clean. */
  void fail(String message) {
    if (failed.compareAndSet(false, true)) {
      log("the engine failed: " + message);
      try {
        start("host-end", () -> tellAndEnd(message));
      } catch (OutOfMemoryError e) { // no thread to tell them: they hear of the end
        end();
      }
    }
  }

  private void tellAndEnd(String message) {
    try {
      Thread.sleep(FLUSH_STEP_MILLIS); // the rest of what was in flight comes in one go
      connections.forEach(connection -> connection.fail(message));
      long deadline = System.nanoTime() + Duration.ofMillis(FLUSH_MILLIS).toNanos();
      while (!connections.stream().allMatch(ServedConnection::isQuiet)
          && System.nanoTime() < deadline) {
        Thread.sleep(FLUSH_STEP_MILLIS);
      }
      Thread.sleep(FLUSH_STEP_MILLIS); // the last batch was taken; let it be written
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      end();
    }
  }

  private void end() {
    end.run();
    ended.complete(null);
  }

  void log(String message) {
    log.accept(message);
  }
}
