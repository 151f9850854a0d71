package dev.millrace.pipeline.host;

import dev.millrace.api.engine.EngineFactory;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.nio.file.Path;
import java.time.Duration;

/**
 * What an engine's process is told when it starts.
 *
 * @param socket where it listens; its log and lock lie beside it
 * @param devices folder of the device locks
 * @param linger how long it stays without a worker
 * @param replicas engines to open, each on devices of its own; 0 opens as many as devices are free
 * @param factory opens the engine
 */
record HostAssignment(
    Path socket, Path devices, Duration linger, int replicas, EngineFactory factory) {
  private static final int VERSION = 1;

  static void write(
      DataOutputStream out, Path socket, Path devices, HostSettings settings, byte[] factory)
      throws IOException {
    out.writeInt(VERSION);
    out.writeUTF(socket.toString());
    out.writeUTF(devices.toString());
    out.writeLong(settings.linger().toMillis());
    out.writeInt(settings.replicas());
    out.writeInt(factory.length);
    out.write(factory);
    out.flush();
  }

  static HostAssignment read(DataInputStream in) throws IOException {
    int version = in.readInt();
    if (version != VERSION) {
      throw new IOException("expected an assignment of version " + VERSION + ", found " + version);
    }
    Path socket = Path.of(in.readUTF());
    Path devices = Path.of(in.readUTF());
    Duration linger = Duration.ofMillis(in.readLong());
    int replicas = in.readInt();
    byte[] factory = new byte[in.readInt()];
    in.readFully(factory);
    try (ObjectInputStream object = new ObjectInputStream(new ByteArrayInputStream(factory))) {
      return new HostAssignment(
          socket, devices, linger, replicas, (EngineFactory) object.readObject());
    } catch (ClassNotFoundException e) {
      throw new IOException("the engine's process lacks a class of the worker's", e);
    }
  }

  static Path lock(Path socket) {
    return beside(socket, ".lock");
  }

  static Path log(Path socket) {
    return beside(socket, ".log");
  }

  Path logFile() {
    return log(socket);
  }

  /** A file beside the socket that goes with it: an engine's all begin with the same name. */
  static Path beside(Path socket, String ending) {
    return socket.resolveSibling(name(socket) + ending);
  }

  /** What the names of an engine's files begin with. */
  static String name(Path socket) {
    return socket.getFileName().toString().replaceFirst("\\.sock$", "");
  }
}
