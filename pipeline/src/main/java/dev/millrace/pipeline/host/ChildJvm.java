package dev.millrace.pipeline.host;

import dev.millrace.pipeline.store.JobDescription;
import java.io.DataOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.module.ModuleFinder;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Starts a JVM of the same Java and with the same classes as this one. */
final class ChildJvm {
  private static final String VECTORS = "jdk.incubator.vector";
  private static final int UNSAFE_FLAGS_SINCE = 24;
  private static final int TAIL_BYTES = 1 << 16;
  private static final int LOG_CHARACTERS = 1_500;

  private final HostSettings settings;
  private final List<Path> classPath;

  private ChildJvm(HostSettings settings, List<Path> classPath) {
    this.settings = settings;
    this.classPath = classPath;
  }

  static ChildJvm likeThis(HostSettings settings) {
    return new ChildJvm(settings, classPath());
  }

  /**
   * Where this program's classes come from: the files of its class loaders, which on a cluster are
   * those of the job first. A job's jar may be deleted while the process still runs: it has it
   * open.
   */
  private static List<Path> classPath() {
    Set<Path> paths = new LinkedHashSet<>();
    ClassLoader loader = ChildJvm.class.getClassLoader();
    while (loader instanceof URLClassLoader urls) {
      for (URL url : urls.getURLs()) {
        if (url.getProtocol().equals("file")) {
          paths.add(Path.of(URI.create(url.toString())));
        }
      }
      loader = loader.getParent();
    }
    Pattern.compile(File.pathSeparator, Pattern.LITERAL)
        .splitAsStream(System.getProperty("java.class.path"))
        .map(entry -> Path.of(entry).toAbsolutePath())
        .forEach(paths::add);
    return List.copyOf(paths);
  }

  /**
   * Tells programs apart: name, size and end of every jar, where a jar keeps the checksums of all
   * that is in it. The same jar staged twice is the same program.
   */
  String programFingerprint() throws IOException {
    MessageDigest digest = JobDescription.sha256();
    digest.update(settings.toString().getBytes(StandardCharsets.UTF_8));
    for (Path path : classPath) {
      if (Files.isRegularFile(path)) {
        digest.update(tail(path));
      } else {
        digest.update(path.toString().getBytes(StandardCharsets.UTF_8));
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static byte[] tail(Path path) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
      long length = file.length(); // asked once: a log may grow meanwhile
      byte[] tail = new byte[(int) Math.min(TAIL_BYTES, length)];
      file.seek(length - tail.length);
      file.readFully(tail);
      return tail;
    }
  }

  /** Starts an engine's process and gives it its assignment. */
  Process start(Path socket, Path devices, byte[] factory) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command());
    StringBuilder paths = new StringBuilder();
    for (Path path : classPath) {
      paths.append(paths.isEmpty() ? "" : File.pathSeparator).append(listable(path, socket));
    }
    // not an argument: those are limited in length
    builder.environment().put("CLASSPATH", paths.toString());
    // no pipe that this process would have to empty, and none that outlives a job's class loader
    builder.redirectErrorStream(true).redirectOutput(HostAssignment.log(socket).toFile());
    Process process = start(builder);
    boolean told = false;
    try {
      // never closed: its end is how the process learns that this one has died
      DataOutputStream lifeline = new DataOutputStream(process.getOutputStream());
      HostAssignment.write(lifeline, socket, devices, settings, factory);
      told = true;
    } finally {
      if (!told) {
        process.destroyForcibly();
      }
    }
    return process;
  }

  /**
   * The thread on which the JVM awaits the process's end lives as long as that, and inherits the
   * context class loader of its starter: a job's, whose classes would stay with it.
   */
  private static Process start(ProcessBuilder builder) throws IOException {
    Thread thread = Thread.currentThread();
    ClassLoader ofJob = thread.getContextClassLoader();
    thread.setContextClassLoader(ClassLoader.getPlatformClassLoader());
    try {
      return builder.start();
    } finally {
      thread.setContextClassLoader(ofJob);
    }
  }

  /**
   * A name for a path that can stand in a class path. A cluster may keep a job's jars in a folder
   * that is named for host and port, with the very character that separates paths.
   */
  private Path listable(Path path, Path socket) throws IOException {
    if (!path.toString().contains(File.pathSeparator)) {
      return path;
    }
    Path link =
        HostAssignment.beside(socket, "-" + classPath.indexOf(path) + "-" + path.getFileName());
    Files.deleteIfExists(link);
    return Files.createSymbolicLink(link, path);
  }

  private List<String> command() {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--add-opens=java.base/java.nio=ALL-UNNAMED");
    if (ModuleFinder.ofSystem().find(VECTORS).isPresent()) {
      command.add("--add-modules=" + VECTORS);
    }
    if (Runtime.version().feature() >= UNSAFE_FLAGS_SINCE) {
      command.add("--enable-native-access=ALL-UNNAMED");
      command.add("--sun-misc-unsafe-memory-access=allow");
    }
    if (settings.jvmOptions().stream().noneMatch(option -> option.matches("-XX:\\+Use.*GC"))) {
      command.add("-XX:+UseParallelGC");
    }
    command.add("-XX:MaxRAMPercentage=50");
    command.add("-XX:MetaspaceSize=128m"); // at less, the heap is collected while models load
    command.add("-XX:+ExitOnOutOfMemoryError");
    command.add("-Dfile.encoding=UTF-8");
    command.addAll(settings.jvmOptions());
    command.add(EngineHostMain.class.getName());
    return command;
  }

  /** The last lines that a process wrote, on one line; empty if there is no log. */
  static String endOfLog(Path log) {
    try {
      String text =
          new String(tail(log), StandardCharsets.UTF_8)
              .lines()
              .filter(line -> !line.startsWith("WARNING: Using incubator modules"))
              .map(String::strip)
              .filter(line -> !line.isEmpty())
              .collect(Collectors.joining(" | "));
      return text.substring(Math.max(0, text.length() - LOG_CHARACTERS));
    } catch (IOException e) {
      return ""; // it took its log with it
    }
  }
}
