package dev.millrace.jobs.evaluate.metric;

import dev.millrace.jobs.inert.InertText;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * Runs a command on what a model wrote: in an empty folder of its own, with an empty environment,
 * with limits on time, memory, output and files, and, as far as the system lets a user do so,
 * without network, with every other folder read-only, and with no process that outlives it. It
 * keeps an honest program that went wrong from doing harm; against one that means harm, run the
 * evaluation as a user who may do nothing, or in a container. Forbidden unless the user asked for
 * it.
 */
public final class Sandbox {
  private static final int OPEN_FILES_MAX = 64;
  private static final int NOTICE_CHARS_MAX = 400;

  /** A trial takes milliseconds, but on a machine that is busy or that swaps. */
  private static final Duration TRIAL_MAX = Duration.ofSeconds(60);

  private static final Sandbox FORBIDDEN = new Sandbox(false, Isolation.NONE, line -> {});

  private final boolean allowed;
  private final Isolation isolation;
  private final Consumer<String> notices;
  private final AtomicBoolean toldOfLeftovers = new AtomicBoolean();

  private Sandbox(boolean allowed, Isolation isolation, Consumer<String> notices) {
    this.allowed = allowed;
    this.isolation = isolation;
    this.notices = notices;
  }

  /** What a command is kept from, strongest first. */
  enum Isolation {
    /**
     * Namespaces of its own for users, network, processes and mounts. All mounts but its folder
     * become read-only, keeping the flags that a user may not clear; then every right to change
     * that is given up.
     */
    FULL(
        "--net --pid --fork --kill-child --mount",
        """
        mount --make-rprivate / && mount --bind . . && cd "$PWD" || exit 125
        while read -r device place kind options rest; do
          case $place in "$PWD" | /proc | /proc/* | /sys | /sys/*) continue ;; esac
          flags=ro
          for flag in nosuid nodev noexec noatime nodiratime relatime; do
            case ,$options, in *,$flag,*) flags=$flags,$flag ;; esac
          done
          mount -o "remount,bind,$flags" "$place" 2>/dev/null
        done </proc/self/mounts
        [ ! -w /. ] && [ ! -w "$PWD/.." ] && [ -w "$PWD" ] || exit 125
        """,
        "setpriv --bounding-set=-all --inh-caps=-all --no-new-privs -- "),
    /** No network. */
    NO_NETWORK("--net", "", ""),
    /** Nothing but the limits. */
    NONE("", "", "");

    private final String namespaces;
    private final String before;
    private final String dropping;

    Isolation(String namespaces, String before, String dropping) {
      this.namespaces = namespaces;
      this.before = before;
      this.dropping = dropping;
    }

    /** A command that runs the program in "$@" after these lines of shell. */
    List<String> command(String lines) {
      List<String> command = new ArrayList<>();
      if (!namespaces.isEmpty()) {
        command.addAll(List.of("unshare", "--user", "--map-root-user"));
        command.addAll(List.of(namespaces.split(" ", -1)));
        command.add("--");
      }
      String script = before + lines + "exec " + dropping + "\"$@\"";
      command.addAll(List.of("sh", "-c", script, "sandbox"));
      return command;
    }
  }

  /** Runs nothing. */
  public static Sandbox forbidden() {
    return FORBIDDEN;
  }

  /**
   * Runs commands, as isolated as this system allows.
   *
   * @param notices hears a line for people where something is not as it should be, incomplete
   *     isolation among it
   * @throws CommandException if the system does not tell in time what it allows; nothing runs less
   *     isolated for that
   */
  public static Sandbox allowed(Consumer<String> notices) {
    return allowed(notices, Sandbox::trial, TRIAL_MAX);
  }

  /** As isolated as trials of these commands succeed. */
  static Sandbox allowed(
      Consumer<String> notices, Function<Isolation, List<String>> trial, Duration trialMax) {
    Isolation isolation =
        Stream.of(Isolation.FULL, Isolation.NO_NETWORK)
            .filter(stronger -> works(trial.apply(stronger), trialMax))
            .findFirst()
            .orElse(Isolation.NONE);
    if (isolation != Isolation.FULL) {
      notices.accept(
          "Programs that the model wrote are not kept from "
              + (isolation == Isolation.NONE ? "the network, from " : "")
              + "writing where this user may, or from leaving processes behind: this system does"
              + " not let this user make the namespaces for that.");
    }
    return new Sandbox(true, isolation, notices);
  }

  private static List<String> trial(Isolation isolation) {
    List<String> command = isolation.command("");
    command.add("true");
    return command;
  }

  private static boolean works(List<String> trial, Duration trialMax) {
    try {
      Path folder = Files.createTempDirectory("millrace-sandbox-");
      try {
        Process process =
            new ProcessBuilder(trial)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        if (!endsWithin(trialMax.toMillis(), process)) {
          throw new CommandException(
              ExitCode.RETRYABLE,
              "Expected the sandbox to start within "
                  + trialMax.toSeconds()
                  + " s, found it still starting: this machine is too busy to tell how far programs"
                  + " can be isolated",
              "Run the same command again when the machine is less busy.");
        }
        return process.exitValue() == 0;
      } finally {
        Files.delete(folder);
      }
    } catch (IOException e) {
      return false; // no such program: there is no isolation to be had
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while the sandbox started", e);
    }
  }

  public boolean isAllowed() {
    return allowed;
  }

  /** What commands are kept from. */
  Isolation isolation() {
    return isolation;
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
        clean(folder);
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
    String limiting =
        String.format(
            Locale.ROOT,
            "ulimit -c 0; ulimit -v %d; ulimit -t %d; ulimit -f %d; ulimit -n %d%n",
            kib,
            seconds,
            blocks,
            OPEN_FILES_MAX);
    List<String> full = isolation.command(limiting);
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
    boolean ended = endsWithin(limits.millis(), process);
    process.waitFor();
    reader.join(TimeUnit.SECONDS.toMillis(5));
    String stopped = !ended ? "time" : drain.exceeded ? "output" : null;
    return new Outcome(stopped == null ? process.exitValue() : -1, stopped, drain.text());
  }

  /** Leaves nothing running, whether it ended or this thread was interrupted. */
  private static boolean endsWithin(long millis, Process process) throws InterruptedException {
    try {
      return process.waitFor(millis, TimeUnit.MILLISECONDS);
    } finally {
      kill(process);
    }
  }

  /** The process and all that it started, children first seen first. */
  private static void kill(Process process) {
    List<ProcessHandle> all = new ArrayList<>(process.descendants().toList());
    all.add(process.toHandle());
    all.forEach(ProcessHandle::destroyForcibly);
  }

  /** The outcome is known: a folder that cannot be deleted costs room, and does not change it. */
  private void clean(Path folder) {
    try {
      delete(folder);
    } catch (IOException | RuntimeException e) {
      if (!toldOfLeftovers.getAndSet(true)) {
        String what = "Folders of programs that the model wrote are left behind, the first is ";
        notices.accept(InertText.line(what + folder + ": " + e, NOTICE_CHARS_MAX));
      }
    }
  }

  /** A program may leave folders that even their owner may not list or empty. */
  private static void delete(Path path) throws IOException {
    if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
      Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwx------"));
      try (DirectoryStream<Path> below = Files.newDirectoryStream(path)) {
        for (Path each : below) {
          delete(each);
        }
      }
    }
    Files.delete(path);
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
