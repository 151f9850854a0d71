package dev.millrace.pipeline.host;

import dev.millrace.api.engine.DeviceEngineFactory;
import dev.millrace.api.engine.Engine;
import dev.millrace.api.engine.EngineFactory;
import java.io.DataInputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * The program of an engine's process. Standard input brings what to open and where to listen, and
 * stays open as long as the worker lives: its end, for whatever reason, ends this process at once,
 * and with it every hold on a device.
 */
public final class EngineHostMain {
  /** Exit code of a process whose engine has failed. */
  static final int ENGINE_FAILED = 70;

  private static final int REFUSED = 1;

  private final HostAssignment assignment;
  private boolean left; // guarded by this

  private EngineHostMain(HostAssignment assignment) {
    this.assignment = assignment;
  }

  /** Serves the engine that standard input describes. */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    InputStream lifeline = System.in;
    HostAssignment assignment = HostAssignment.read(new DataInputStream(lifeline));
    EngineHostMain host = new EngineHostMain(assignment);
    Thread watch = new Thread(() -> host.endWith(lifeline), "host-lifeline");
    watch.setDaemon(true);
    watch.start();
    // a signal, too: what ends a worker's whole process group must leave nothing behind either
    Runtime.getRuntime().addShutdownHook(new Thread(host::leave, "host-tidy"));
    boolean opened = false;
    try {
      opened = host.serve();
    } catch (IOException | RuntimeException | Error e) {
      StringWriter trace = new StringWriter();
      e.printStackTrace(new PrintWriter(trace, true));
      host.log(trace.toString());
    }
    if (!opened) {
      Runtime.getRuntime().halt(REFUSED); // leaves the log for a worker that was not told
    }
  }

  /** False if the engine cannot be opened. */
  private boolean serve() throws IOException, InterruptedException {
    EngineServer server =
        new EngineServer(
            assignment.socket(),
            assignment.linger(),
            this::log,
            this::leave,
            () -> {
              leaveSocket();
              Runtime.getRuntime().halt(ENGINE_FAILED);
            });
    try (DeviceLeases leases = new DeviceLeases(assignment.devices())) {
      return server.run(() -> open(assignment.factory(), leases));
    }
  }

  private Engine open(EngineFactory factory, DeviceLeases leases) {
    if (!(factory instanceof DeviceEngineFactory onDevices) || onDevices.devicesPerEngine() == 0) {
      return factory.openEngine();
    }
    List<List<Integer>> groups =
        leases.take(
            onDevices.devicesVisible(), onDevices.devicesPerEngine(), assignment.replicas());
    List<Engine> engines = new ArrayList<>();
    boolean complete = false;
    try {
      for (List<Integer> group : groups) {
        engines.add(onDevices.onDevices(group).openEngine());
      }
      complete = true;
      return engines.size() == 1 ? engines.get(0) : new ReplicatedEngine(engines);
    } finally {
      if (!complete) {
        engines.forEach(Engine::close);
      }
    }
  }

  private void endWith(InputStream lifeline) {
    try {
      while (lifeline.read() >= 0) {
        Thread.onSpinWait(); // nothing is said on it after the assignment
      }
    } catch (IOException e) {
      log("standard input failed, which ends this process too: " + e);
    } finally {
      leave();
      Runtime.getRuntime().halt(0);
    }
  }

  /**
   * Leaves nothing behind; the folder goes with the last engine in it. Once the socket is gone, all
   * files of its name are those of the process that takes this one's place: it goes last, and later
   * calls do nothing.
   */
  private synchronized void leave() {
    if (left) {
      return;
    }
    Path folder = assignment.socket().getParent();
    String name = HostAssignment.name(assignment.socket());
    File[] ours = folder.toFile().listFiles((in, file) -> file.startsWith(name));
    for (File file : ours == null ? new File[0] : ours) {
      if (!file.toPath().equals(assignment.socket())) {
        deleteQuietly(file.toPath());
      }
    }
    leaveSocket();
    String[] others = folder.toFile().list();
    if (others != null && others.length == 0) {
      deleteQuietly(folder);
    }
  }

  private synchronized void leaveSocket() {
    if (!left) {
      deleteQuietly(assignment.socket());
      left = true;
    }
  }

  private void deleteQuietly(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException e) {
      log("cannot delete " + path + ": " + e); // another engine of this worker may use the folder
    }
  }

  private void log(String message) {
    String line = Instant.now() + " " + message + System.lineSeparator();
    try {
      Files.writeString(
          assignment.logFile(),
          line,
          StandardCharsets.UTF_8,
          StandardOpenOption.WRITE,
          StandardOpenOption.APPEND);
    } catch (IOException e) {
      Thread.onSpinWait(); // the log went with the folder: there is nobody left to tell
    }
  }
}
