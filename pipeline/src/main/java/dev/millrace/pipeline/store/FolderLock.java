package dev.millrace.pipeline.store;

import dev.millrace.pipeline.job.ResumeRefusedException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Keeps a second job off an output folder. The lock is the operating system's, so it dies with its
 * process however that ends; the file's text only says who holds it. The file is never deleted: a
 * job that waits on a deleted file and one that makes a new one would both hold a lock.
 */
public final class FolderLock implements AutoCloseable {
  /**
   * Folders held by this process. POSIX locks belong to processes, and closing any descriptor of a
   * file drops them, so jobs of one process must not even open each other's lock.
   */
  private static final Set<Path> HELD_HERE = ConcurrentHashMap.newKeySet();

  private final Path path;
  private final FileChannel channel;

  private FolderLock(Path path, FileChannel channel) {
    this.path = path;
    this.channel = channel;
  }

  /**
   * Takes the lock.
   *
   * @throws ResumeRefusedException if another job holds it, naming that job
   */
  public static FolderLock take(Path path) throws IOException {
    Path key = path.toAbsolutePath().normalize();
    if (!HELD_HERE.add(key)) {
      throw refused(path, "another job of this process (" + ProcessHandle.current().pid() + ")");
    }
    FileChannel channel = null;
    boolean taken = false;
    try {
      channel =
          FileChannel.open(
              path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      if (channel.tryLock(Long.MAX_VALUE - 1, 1, false) == null) {
        throw refused(path, holder(channel));
      }
      write(channel);
      taken = true;
      return new FolderLock(key, channel);
    } finally {
      if (!taken) {
        HELD_HERE.remove(key);
        if (channel != null) {
          channel.close();
        }
      }
    }
  }

  private static ResumeRefusedException refused(Path path, String holder) {
    return new ResumeRefusedException(
        "expected an output folder that no job works on, found it held by "
            + holder
            + " (lock="
            + path
            + "); wait for that job, or choose another output folder",
        List.of());
  }

  private static void write(FileChannel channel) throws IOException {
    String holder =
        "process "
            + ProcessHandle.current().pid()
            + " on "
            + host()
            + " since "
            + Instant.now().truncatedTo(ChronoUnit.SECONDS);
    channel.truncate(0);
    channel.write(ByteBuffer.wrap(holder.getBytes(StandardCharsets.UTF_8)), 0);
  }

  private static String host() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "an unnamed host"; // only for the message
    }
  }

  private static String holder(FileChannel channel) throws IOException {
    ByteBuffer text = ByteBuffer.allocate(512);
    channel.read(text, 0);
    String holder = new String(text.array(), 0, text.position(), StandardCharsets.UTF_8);
    return holder.isEmpty() ? "another job that has just started" : holder;
  }

  /** Gives the folder free; the file stays. */
  @Override
  public void close() throws IOException {
    channel.close();
    HELD_HERE.remove(path);
  }
}
