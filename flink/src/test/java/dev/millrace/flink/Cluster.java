package dev.millrace.flink;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.OutputStream;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** The cluster of {@code deploy/local-cluster}: a JobManager and two workers of one slot. */
final class Cluster implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final int PORTS_FROM = 20_000;
  private static final int PORTS = 10_000;

  private final Path folder;
  private final int port;

  private Cluster(Path folder, int port) {
    this.folder = folder;
    this.port = port;
  }

  static Cluster start(Path folder) throws IOException, InterruptedException {
    Cluster cluster = new Cluster(folder, freePort());
    cluster.up();
    return cluster;
  }

  /** Three free ports in a row, below those that the system gives to anybody. */
  static int freePort() {
    Random random = new Random();
    while (true) {
      int port = PORTS_FROM + random.nextInt(PORTS);
      if (IntStream.range(port, port + 3).allMatch(Cluster::isFree)) {
        return port;
      }
    }
  }

  private static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket(port)) {
      return socket.isBound();
    } catch (IOException e) {
      return false;
    }
  }

  static Path root() {
    Path root = Path.of("").toAbsolutePath();
    while (!Files.exists(root.resolve("deploy/local-cluster"))) {
      root = root.getParent();
    }
    return root;
  }

  static Path clusterJar() {
    return Path.of(System.getProperty("millrace.flink.folder"), "millrace-cluster.jar");
  }

  /** The classes of these tests, for workers. */
  static Path testsJar(Path folder) throws IOException {
    Path jar = folder.resolve("tests.jar");
    Path classes = Path.of("target/test-classes").toAbsolutePath();
    try (OutputStream out = Files.newOutputStream(jar);
        JarOutputStream entries = new JarOutputStream(out);
        Stream<Path> files = Files.walk(classes)) {
      for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
        entries.putNextEntry(new JarEntry(classes.relativize(file).toString()));
        Files.copy(file, entries);
      }
    }
    return jar;
  }

  String master() {
    return "127.0.0.1:" + port;
  }

  /** Starts what is not running. */
  void up() throws IOException, InterruptedException {
    script("up", "--port", Integer.toString(port), "--folder", folder.resolve("flink").toString());
  }

  private void script(String... arguments) throws IOException, InterruptedException {
    Path printed = Files.createTempFile("local-cluster", ".log");
    ProcessBuilder builder =
        new ProcessBuilder(root().resolve("deploy/local-cluster").toString())
            .redirectErrorStream(true)
            .redirectOutput(printed.toFile());
    builder.command().addAll(List.of(arguments));
    builder.environment().put("MILLRACE_FLINK", System.getProperty("millrace.flink.folder"));
    builder.environment().put("CUDA_VISIBLE_DEVICES", ""); // as if there were none
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder
        .environment()
        .put("TASKMANAGER_JAVA_OPTS", "-Dmillrace.run.dir=" + folder.resolve("run"));
    int exitCode = builder.start().waitFor();
    if (exitCode != 0) {
      throw new AssertionError("local-cluster: " + Files.readString(printed));
    }
    Files.delete(printed);
  }

  /** Where workers and their engines meet. */
  Path run() {
    return folder.resolve("run");
  }

  Path configuration() {
    return folder.resolve("flink/conf");
  }

  ProcessHandle process(String name) throws IOException {
    String pid = Files.readString(folder.resolve("flink/" + name + ".pid")).strip();
    return ProcessHandle.of(Long.parseLong(pid)).orElseThrow();
  }

  /** SIGKILL. */
  void kill(String name) throws IOException {
    process(name).destroyForcibly();
    process(name).onExit().join();
  }

  String log(String name) throws IOException {
    return Files.readString(folder.resolve("flink/log/" + name + ".log"));
  }

  JsonNode get(String path) throws IOException {
    return JSON.readTree(URI.create("http://" + master() + path).toURL());
  }

  @Override
  public void close() throws IOException {
    try {
      script("down", "--folder", folder.resolve("flink").toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while the cluster went down", e);
    }
  }
}
