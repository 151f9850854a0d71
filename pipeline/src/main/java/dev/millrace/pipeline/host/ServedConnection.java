package dev.millrace.pipeline.host;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.request.Completion;
import dev.millrace.api.request.FailureReason;
import dev.millrace.api.request.GenerationRequest;
import dev.millrace.api.request.RequestFailure;
import dev.millrace.pipeline.generate.CompletionCodec;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * One worker's connection, in the engine's process. Its reader never waits for the engine, so that
 * a cancel overtakes the requests that wait for room. When the worker hangs up, what it has in the
 * engine is cancelled.
 */
final class ServedConnection {
  private final EngineServer server;
  private final Engine engine;
  private final Turnstile turnstile;
  private final ByteChannel channel;
  private final BlockingQueue<Order> waiting = new LinkedBlockingQueue<>(); // bounded by the window
  private final BlockingQueue<Reply> replies = new LinkedBlockingQueue<>(); // bounded by the window
  private final Map<Long, Entry> entries = new ConcurrentHashMap<>();
  private final Thread submitter = new Thread(this::submitAll, "host-submit");
  private final Thread writer = new Thread(this::write, "host-replies");

  /** A request that is not answered yet. */
  private static final class Entry {
    private final GenerationRequest request;
    private Engine.Submission submission;
    private boolean taken;
    private boolean cancelled;

    Entry(GenerationRequest request) {
      this.request = request;
    }

    /** Whether it is still wanted; from now on its end is the engine's to tell. */
    synchronized boolean take() {
      taken = !cancelled;
      return taken;
    }

    synchronized void submitted(Engine.Submission value) {
      submission = value;
      if (cancelled) {
        submission.cancel();
      }
    }

    /** True if the engine has not seen it and never will. */
    synchronized boolean cancel() {
      boolean first = !cancelled;
      cancelled = true;
      if (submission != null) {
        submission.cancel();
      }
      return first && !taken;
    }
  }

  /** A connection to an engine that is open. */
  ServedConnection(EngineServer server, Engine engine, Turnstile turnstile, ByteChannel channel) {
    this.server = server;
    this.engine = engine;
    this.turnstile = turnstile;
    this.channel = channel;
    submitter.setDaemon(true);
    writer.setDaemon(true);
  }

  /** The first thing to tell, once this connection is served. */
  void welcome(int window) {
    reply(
        new Reply(
            Reply.Kind.READY,
            0,
            EngineJson.write(new EngineJson.Welcome(engine.info(), engine.statistics(), window))));
  }

  /** Serves until the worker hangs up. */
  void serve() {
    try {
      submitter.start();
      writer.start();
      MessageStream.read(channel, new OrderLayout(), this::take);
    } catch (IOException e) {
      server.log("a worker's connection ended: " + e);
    } finally {
      submitter.interrupt();
      writer.interrupt();
      entries.values().forEach(Entry::cancel);
      close();
    }
  }

  private void take(Order order) {
    switch (order.kind()) {
      case SUBMIT -> {
        entries.put(order.key(), new Entry(order.request()));
        waiting.add(order);
      }
      case CANCEL -> {
        Entry entry = entries.get(order.key());
        if (entry != null && entry.cancel()) {
          entries.remove(order.key());
          RequestFailure early =
              new RequestFailure(FailureReason.CANCELLED, "cancelled before the engine took it");
          reply(order.key(), Completion.failed(entry.request.id(), early));
        }
      }
      case CLAIM, RELEASE -> waiting.add(order);
      case COUNT ->
          reply(new Reply(Reply.Kind.COUNTS, order.key(), EngineJson.write(engine.statistics())));
    }
  }

  private void submitAll() {
    try {
      while (true) {
        Order order = waiting.take();
        switch (order.kind()) {
          case CLAIM -> {
            turnstile.claim(this);
            if (!server.hasFailed()) { // else the end of the connection is the answer
              reply(new Reply(Reply.Kind.CLAIMED, order.key(), Reply.NOTHING));
            }
          }
          case RELEASE -> turnstile.release(this);
          default -> submit(order);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the worker hung up
    } catch (EngineException e) {
      server.fail(e.getMessage());
    } catch (RuntimeException | Error e) { // nobody else would tell the worker, who waits
      server.fail("a request cannot be handed to the engine: " + e);
    } finally {
      turnstile.release(this);
    }
  }

  private void submit(Order order) throws InterruptedException {
    turnstile.enter(this);
    Entry entry = entries.get(order.key());
    if (entry == null || !entry.take()) {
      turnstile.leave(this);
      return;
    }
    boolean taken = false;
    try {
      entry.submitted(
          engine.submit(order.request(), completion -> answered(order.key(), completion)));
      taken = true;
    } finally {
      if (!taken) {
        turnstile.leave(this);
      }
    }
  }

  private void answered(long key, Completion completion) {
    if (completion.isFailed() && completion.failure().reason() == FailureReason.ENGINE_FAILED) {
      // before anybody hears of it: who comes back, or gets the engine alone, must not get this one
      server.fail(completion.failure().message());
    }
    entries.remove(key);
    turnstile.leave(this);
    reply(key, completion);
  }

  private void reply(long key, Completion completion) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
    try {
      CompletionCodec.write(new DataOutputStream(bytes), completion);
    } catch (IOException e) {
      throw new UncheckedIOException("memory cannot fail to be written", e);
    }
    reply(new Reply(Reply.Kind.COMPLETION, key, bytes.toByteArray()));
  }

  private void reply(Reply reply) {
    replies.add(reply);
  }

  /** Tells the worker that there is no engine any more. */
  void fail(String message) {
    reply(new Reply(Reply.Kind.FAILED, 0, message.getBytes(StandardCharsets.UTF_8)));
  }

  /** Whether the writer has taken all there is to say. */
  boolean isQuiet() {
    return replies.isEmpty();
  }

  private void write() {
    try {
      MessageStream.write(channel, replies, new ReplyLayout());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // the worker hung up
    } catch (IOException e) {
      close(); // so that the reader ends too
    } catch (RuntimeException | Error e) { // else the worker would wait for what is never sent
      server.log("a worker cannot be answered, its connection is closed: " + e);
      close();
    }
  }

  private void close() {
    try {
      channel.close();
    } catch (IOException e) {
      server.log("a worker's connection cannot be closed: " + e);
    }
  }
}
