package dev.millrace.pipeline.host;

import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineException;
import dev.millrace.api.engine.EngineFactory;
import dev.millrace.pipeline.generate.EngineUnavailableException;
import dev.millrace.pipeline.store.JobDescription;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.concurrent.TimeUnit;

/**
 * Joins this worker's process of an engine, or starts it. Jobs of one worker process share nothing
 * in memory, for each has a class loader of its own; they meet at a socket whose name is made of
 * what would be opened.
 */
final class EngineConnector {
  private static final int NAME_BYTES = 8;

  /** A process may be just ending when it is joined, or be killed while it loads. */
  private static final int ATTEMPTS = 3;

  private static final long POLL_MILLIS = 10;
  private static final int SIGNALS_FROM = 128; // exit code of a process that a signal ended
  private static final long EXIT_MILLIS = 2_000;

  private final HostSettings settings;
  private final byte[] factory;

  EngineConnector(EngineFactory hosted, HostSettings settings) {
    this.settings = settings;
    this.factory = serialised(hosted);
  }

  private static byte[] serialised(EngineFactory hosted) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(hosted);
    } catch (IOException e) {
      throw new UncheckedIOException("the engine factory cannot be serialised", e);
    }
    return bytes.toByteArray();
  }

  /**
   * An open engine.
   *
   * @throws EngineUnavailableException if none can be had now: the machine is short of something,
   *     the process was killed, or this thread was interrupted
   * @throws EngineException if the engine, or its JVM, refuses what it was given
   */
  Engine connect() {
    try {
      HostFolder folder = HostFolder.ofUser();
      ChildJvm jvm = ChildJvm.likeThis(settings);
      for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        Path socket = folder.socketOfThisProcess(name(jvm));
        Engine engine = connect(jvm, socket, folder.devices());
        if (engine != null) {
          return engine;
        }
      }
      throw new EngineUnavailableException(
          "the engine's process was killed or ended "
              + ATTEMPTS
              + " times before its engine was open; start the same command again");
    } catch (InterruptedException | ClosedByInterruptException e) {
      Thread.currentThread().interrupt();
      throw new EngineUnavailableException(
          "interrupted while the engine's process was starting", e);
    } catch (IOException e) {
      throw new EngineUnavailableException(
          "the engine's process cannot be reached: " + e + "; start the same command again", e);
    }
  }

  /** Equal for what opens the same engine with the same program. */
  private String name(ChildJvm jvm) throws IOException {
    MessageDigest digest = JobDescription.sha256();
    digest.update(factory);
    digest.update(settings.toString().getBytes(StandardCharsets.UTF_8));
    digest.update(jvm.programFingerprint().getBytes(StandardCharsets.UTF_8));
    return HexFormat.of().formatHex(digest.digest(), 0, NAME_BYTES);
  }

  /** Null if the process ended before it said anything, and another one may do better. */
  private Engine connect(ChildJvm jvm, Path socket, Path devices)
      throws IOException, InterruptedException {
    Process started = null;
    SocketChannel channel;
    try (FileChannel file =
            FileChannel.open(
                HostAssignment.lock(socket), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = lock(file)) {
      if (!lock.isValid()) {
        throw new IOException("the lock " + HostAssignment.lock(socket) + " was lost");
      }
      channel = tryConnect(socket);
      if (channel == null) {
        Files.deleteIfExists(socket); // left by a process that was killed
        started = jvm.start(socket, devices, factory);
        channel = awaitSocket(started, socket);
      }
    }
    return channel == null ? null : open(channel, started, socket);
  }

  private static Engine open(SocketChannel channel, Process started, Path socket)
      throws InterruptedException {
    HostedEngine engine = new HostedEngine(channel, () -> whyEnded(started, socket));
    boolean open = false;
    try {
      open = engine.awaitOpen();
    } finally {
      if (!open) {
        engine.close();
      }
    }
    if (!open && started != null && !anotherMayDoBetter(started)) {
      throw new EngineException(whyEnded(started, socket));
    }
    return open ? engine : null;
  }

  private static FileLock lock(FileChannel file) throws IOException, InterruptedException {
    while (true) {
      try {
        FileLock lock = file.tryLock();
        if (lock != null) {
          return lock;
        }
      } catch (OverlappingFileLockException e) {
        Thread.onSpinWait(); // held by another thread, perhaps of another job
      }
      Thread.sleep(POLL_MILLIS);
    }
  }

  /**
   * Null if nobody listens there. An interrupt, or a want of file descriptors, does not say that:
   * the socket may be a live engine's.
   */
  private static SocketChannel tryConnect(Path socket) throws IOException {
    if (!Files.exists(socket)) {
      return null;
    }
    try {
      return SocketChannel.open(UnixDomainSocketAddress.of(socket));
    } catch (SocketException e) {
      if (e instanceof ConnectException || !Files.exists(socket)) {
        return null; // refused, or removed meanwhile
      }
      throw e;
    }
  }

  /** Null if the process was killed. */
  private SocketChannel awaitSocket(Process process, Path socket)
      throws IOException, InterruptedException {
    SocketChannel channel = null;
    try {
      long deadline = System.nanoTime() + settings.startTimeout().toNanos();
      while (channel == null && System.nanoTime() < deadline) {
        channel = tryConnect(socket);
        if (channel == null && !process.isAlive()) {
          if (anotherMayDoBetter(process)) {
            return null;
          }
          throw new EngineException(whyEnded(process, socket));
        }
        if (channel == null) {
          Thread.sleep(POLL_MILLIS);
        }
      }
    } finally {
      if (channel == null) {
        process.destroyForcibly(); // nobody else has joined it: that needs the lock
      }
    }
    if (channel == null) {
      throw new EngineUnavailableException(
          "the engine's process did not listen within "
              + settings.startTimeout().toSeconds()
              + " s: the machine is overloaded; start the same command again; its log: "
              + ChildJvm.endOfLog(HostAssignment.log(socket)));
    }
    return channel;
  }

  /** Whether it was killed, failed with another worker's request, or lives on and may be joined. */
  private static boolean anotherMayDoBetter(Process process) throws InterruptedException {
    return !process.waitFor(EXIT_MILLIS, TimeUnit.MILLISECONDS)
        || process.exitValue() > SIGNALS_FROM
        || process.exitValue() == EngineHostMain.ENGINE_FAILED;
  }

  private static String whyEnded(Process process, Path socket) {
    StringBuilder text = new StringBuilder("the engine's process ended");
    if (process != null) {
      try {
        if (process.waitFor(EXIT_MILLIS, TimeUnit.MILLISECONDS)) {
          text.append(' ').append(meaning(process.exitValue()));
        } else {
          text.append(": it hung up and still runs (process ").append(process.pid()).append(')');
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    String log = ChildJvm.endOfLog(HostAssignment.log(socket));
    return log.isEmpty() ? text.toString() : text + "; the end of its log: " + log;
  }

  private static String meaning(int exitCode) {
    return switch (exitCode) {
      case 3 -> "with exit code 3: out of memory; give it more (-Xmx), or a smaller batch";
      case 137 -> "by signal 9: killed, by the system for want of memory or by somebody";
      case 134, 139 -> "by signal " + (exitCode - SIGNALS_FROM) + ": a crash in native code";
      default -> "with exit code " + exitCode;
    };
  }
}
