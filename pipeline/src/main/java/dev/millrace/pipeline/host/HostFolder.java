package dev.millrace.pipeline.host;

import dev.millrace.api.engine.EngineException;
import dev.millrace.pipeline.store.AtomicFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Where a worker and its engine processes meet.
 *
 * <pre>
 * /tmp/millrace-USER/      mode 0700: nobody else can open what is below
 *   devices/               a lock file per GPU: see {@link DeviceLeases}
 *   w-PID-START/           one per worker process, removed by its last engine or the next worker
 *     ENGINE.sock          where the engine listens
 *     ENGINE.lock          held by who starts it
 *     ENGINE.log           what its JVM said
 * </pre>
 *
 * The place is short on purpose: a socket's path may have about 100 bytes. The environment variable
 * {@code MILLRACE_RUN_DIR} or the system property {@code millrace.run.dir} names another one.
 */
final class HostFolder {
  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rwx------");
  private static final Pattern WORKER = Pattern.compile("w-(\\d+)-(\\d+)");

  /** What {@code sockaddr_un} holds but for its closing zero; see unix(7). */
  private static final int SOCKET_BYTES_MAX = 107;

  private static final String VARIABLE = "MILLRACE_RUN_DIR";
  private static final String PROPERTY = "millrace.run.dir";

  private final Path base;

  private HostFolder(Path base) {
    this.base = base;
  }

  /**
   * The folder of this user on this machine, made if it is not there.
   *
   * @throws EngineException if it belongs to somebody else, others can open it, or it cannot be
   *     made
   */
  static HostFolder ofUser() throws IOException {
    String chosen = System.getProperty(PROPERTY, System.getenv(VARIABLE));
    Path base =
        chosen != null ? Path.of(chosen).toAbsolutePath() : Path.of("/tmp", "millrace-" + user());
    return at(base);
  }

  static HostFolder at(Path base) throws IOException {
    create(base);
    return new HostFolder(base);
  }

  private static void create(Path folder) throws IOException {
    try {
      Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
    } catch (FileAlreadyExistsException e) {
      check(folder);
    } catch (AccessDeniedException | NoSuchFileException e) {
      throw new EngineException(
          "expected a place where a folder can be made, found that it cannot: "
              + e
              + " (folder="
              + folder
              + "); name another one in "
              + VARIABLE,
          e);
    }
  }

  /** A folder that was there before us could be a trap: it must be ours, and closed to others. */
  private static void check(Path folder) throws IOException {
    PosixFileAttributes found =
        Files.readAttributes(folder, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    String owner = found.owner().getName();
    String self = user();
    boolean safe =
        found.isDirectory() && owner.equals(self) && OWNER_ONLY.containsAll(found.permissions());
    if (!safe) {
      throw new EngineException(
          "expected a folder of "
              + self
              + " that nobody else can open, found one of "
              + owner
              + " with "
              + PosixFilePermissions.toString(found.permissions())
              + " (folder="
              + folder
              + "); remove it, or name another one in "
              + VARIABLE);
    }
  }

  /** Who this process runs as; Java's own idea of it fails for users without a name. */
  private static String user() throws IOException {
    Path self = Path.of("/proc/self");
    return Files.exists(self) ? Files.getOwner(self).getName() : System.getProperty("user.name");
  }

  Path devices() throws IOException {
    Path devices = base.resolve("devices");
    create(devices);
    return devices;
  }

  /**
   * Where an engine of this process listens, in a folder that is made if it is not there.
   *
   * @throws EngineException if the system could not bind a socket there
   */
  Path socketOfThisProcess(String engine) throws IOException {
    Path socket = ofThisProcess().resolve(engine + ".sock");
    int bytes = socket.toString().getBytes(StandardCharsets.UTF_8).length;
    if (bytes > SOCKET_BYTES_MAX) {
      throw new EngineException(
          "expected at most "
              + SOCKET_BYTES_MAX
              + " bytes in the path of a socket, found "
              + bytes
              + " (socket="
              + socket
              + "); name a folder with a shorter path in "
              + VARIABLE);
    }
    return socket;
  }

  /** The folder of this process, made if it is not there. */
  private Path ofThisProcess() throws IOException {
    ProcessHandle self = ProcessHandle.current();
    Path folder = base.resolve("w-" + self.pid() + "-" + started(self));
    sweep();
    create(folder);
    return folder;
  }

  /** Removes the folders of workers that were killed together with their engines. */
  private void sweep() throws IOException {
    try (Stream<Path> entries = Files.list(base)) {
      for (Path entry : (Iterable<Path>) entries::iterator) {
        Matcher name = WORKER.matcher(entry.getFileName().toString());
        if (name.matches() && !isAlive(Long.parseLong(name.group(1)), name.group(2))) {
          AtomicFiles.delete(entry);
        }
      }
    }
  }

  private static boolean isAlive(long pid, String started) {
    return ProcessHandle.of(pid).map(HostFolder::started).filter(started::equals).isPresent();
  }

  private static String started(ProcessHandle process) {
    return process.info().startInstant().map(at -> Long.toString(at.toEpochMilli())).orElse("0");
  }
}
