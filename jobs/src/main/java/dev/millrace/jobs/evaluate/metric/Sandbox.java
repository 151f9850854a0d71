package dev.millrace.jobs.evaluate.metric;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/**
 * Runs a command on what a model wrote: in an empty folder of its own, with an empty environment,
 * with limits on time, memory, output, files and processes, without network where the system lets a
 * user take it away. It keeps an honest program that went wrong from doing harm; against one that
 * means harm, run the evaluation as a user who may do nothing, or in a container. Forbidden unless
 * the user asked for it.
 */
public final class Sandbox {
  private static final int PROCESSES_EXTRA = 64;
  private static final Sandbox FORBIDDEN = new Sandbox(false, List.of());

  private final boolean allowed;
  private final List<String> isolation;

  private Sandbox(boolean allowed, List<String> isolation) {
    this.allowed = allowed;
    this.isolation = List.copyOf(isolation);
  }

  /** Runs nothing. */
  public static Sandbox forbidden() {
    return FORBIDDEN;
  }

  /** Runs commands, as isolated as this system allows. */
  public static Sandbox allowed() {
    List<String> own = List.of("unshare", "--user", "--map-root-user", "--net", "--");
    return new Sandbox(true, works(own) ? own : List.of());
  }

  private static boolean works(List<String> prefix) {
    List<String> command = new ArrayList<>(prefix);
    command.add("true");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      return process.waitFor(5, TimeUnit.SECONDS) && process.exitValue() == 0;
    } catch (IOException e) {
      return false; // no such program: there is no isolation to be had
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  public boolean isAllowed() {
    return allowed;
  }

  /** Whether commands have no network. */
  public boolean isWithoutNetwork() {
    return !isolation.isEmpty();
  }

  /**
   * Limits of one command.
   *
   * @param millis wall clock; processor time is limited to the same
   * @param memoryBytes address space of each process
   * @param outputBytes of standard output and error together, and of each file written
   */
  record Limits(long millis, long memoryBytes, long outputBytes) {}

  /**
   * How a command ended.
   *
   * @param exitCode its exit code, -1 if it was stopped
   * @param stopped why it was stopped ({@code time}, {@code output}), or null
   * @param output the first bytes of what it printed
   */
  record Outcome(int exitCode, String stopped, String output) {
    boolean isSuccess() {
      return exitCode == 0 && stopped == null;
    }
  }

  /**
   * Runs one command in a new folder.
   *
   * @param command program and arguments
   * @param files name and content of what the folder holds
   * @throws IllegalStateException if commands are forbidden
   */
  Outcome run(List<String> command, Map<String, String> files, Limits limits) {
    if (!allowed) {
      throw new IllegalStateException("commands on model output are not allowed");
    }
    try {
      Path folder = Files.createTempDirectory("millrace-sandbox-");
      try {
        for (Map.Entry<String, String> file : files.entrySet()) {
          Files.writeString(folder.resolve(file.getKey()), file.getValue());
        }
        return run(limited(command, limits), folder, limits);
      } finally {
        delete(folder);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("a sandboxed command cannot be started: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while a command ran", e);
    }
  }

  private List<String> limited(List<String> command, Limits limits) {
    long kib = Math.max(1, limits.memoryBytes() / 1024);
    long seconds = Math.max(1, (limits.millis() + 999) / 1000);
    long blocks = Math.max(1, limits.outputBytes() / 512);
    String script =
        "ulimit -c 0; ulimit -v "
            + kib
            + "; ulimit -t "
            + seconds
            + "; ulimit -f "
            + blocks
            + "; ulimit -n "
            + PROCESSES_EXTRA
            + "; exec \"$@\"";
    List<String> full = new ArrayList<>(isolation);
    full.addAll(List.of("sh", "-c", script, "sandbox"));
    full.addAll(command);
    return full;
  }

  private static Outcome run(List<String> command, Path folder, Limits limits)
      throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true);
    builder.environment().clear();
    builder.environment().put("PATH", "/usr/local/bin:/usr/bin:/bin");
    builder.environment().put("HOME", folder.toString());
    builder.environment().put("TMPDIR", folder.toString());
    builder.environment().put("LC_ALL", "C.UTF-8");
    builder.environment().put("PYTHONDONTWRITEBYTECODE", "1");
    Process process = builder.start();
    process.getOutputStream().close();
    OutputDrain drain = new OutputDrain(process, limits.outputBytes());
    Thread reader = new Thread(drain, "sandbox-output");
    reader.setDaemon(true);
    reader.start();
    boolean ended = process.waitFor(limits.millis(), TimeUnit.MILLISECONDS);
    kill(process);
    process.waitFor();
    reader.join(TimeUnit.SECONDS.toMillis(5));
    String stopped = !ended ? "time" : drain.exceeded ? "output" : null;
    return new Outcome(stopped == null ? process.exitValue() : -1, stopped, drain.text());
  }

  /** The process and all that it started, children first seen first. */
  private static void kill(Process process) {
    List<ProcessHandle> all = new ArrayList<>(process.descendants().toList());
    all.add(process.toHandle());
    all.forEach(ProcessHandle::destroyForcibly);
  }

  private static void delete(Path folder) throws IOException {
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path dir, IOException failure)
              throws IOException {
            Files.delete(dir);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  /** Reads what a process prints; past the limit it is killed, not buffered. */
  private static final class OutputDrain implements Runnable {
    private static final int KEPT_MAX = 4096;

    private final Process process;
    private final long limit;
    private final StringBuilder kept = new StringBuilder();
    private volatile boolean exceeded;

    OutputDrain(Process process, long limit) {
      this.process = Objects.requireNonNull(process, "process");
      this.limit = limit;
    }

    @Override
    public void run() {
      byte[] buffer = new byte[8192];
      long total = 0;
      try (InputStream in = process.getInputStream()) {
        int read;
        while ((read = in.read(buffer)) >= 0) {
          total += read;
          keep(new String(buffer, 0, read, StandardCharsets.UTF_8));
          if (total > limit) {
            exceeded = true;
            kill(process);
            return;
          }
        }
      } catch (IOException e) {
        keep(" [output ended: " + e.getMessage() + "]"); // its pipe was closed when it was killed
      }
    }

    private synchronized void keep(String text) {
      kept.append(text, 0, Math.min(text.length(), Math.max(0, KEPT_MAX - kept.length())));
    }

    synchronized String text() {
      return kept.toString();
    }
  }
}
