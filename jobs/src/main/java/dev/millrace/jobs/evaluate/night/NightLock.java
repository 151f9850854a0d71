package dev.millrace.jobs.evaluate.night;

import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.pipeline.job.ResumeRefusedException;
import dev.millrace.pipeline.store.FolderLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/**
 * Lets one night run at a time in an evaluation's folder. The lock is the operating system's: it
 * ends with its process, however that ends. At most one start waits; more are refused, so that a
 * scheduler that fires every hour does not pile up processes behind a night that takes long.
 */
final class NightLock implements AutoCloseable {
  private static final Duration POLL = Duration.ofMillis(250);

  private final FolderLock held;

  private NightLock(FolderLock held) {
    this.held = held;
  }

  /**
   * Takes the lock.
   *
   * @param wait longest to wait for another night; zero refuses at once
   * @throws CommandException if another night holds it, naming its process
   */
  static NightLock take(Path root, Duration wait, Runnable waiting) throws IOException {
    Path lock = root.resolve(".lock");
    try {
      return new NightLock(FolderLock.take(lock));
    } catch (ResumeRefusedException e) {
      if (wait.isZero()) {
        throw refused("another night runs: " + e.getMessage(), e);
      }
    }
    FolderLock queue = first(root);
    try {
      waiting.run();
      return new NightLock(await(lock, wait));
    } finally {
      queue.close();
    }
  }

  /** Whether a night runs now, in this process or another. */
  static boolean isHeld(Path root) throws IOException {
    Path lock = root.resolve(".lock");
    if (!Files.exists(lock)) {
      return false;
    }
    try {
      FolderLock.take(lock).close();
      return false;
    } catch (ResumeRefusedException e) {
      return true;
    }
  }

  private static FolderLock first(Path root) throws IOException {
    try {
      return FolderLock.take(root.resolve(".waiting"));
    } catch (ResumeRefusedException e) {
      throw refused("another night runs and a second already waits for it", e);
    }
  }

  private static FolderLock await(Path lock, Duration wait) throws IOException {
    long end = System.nanoTime() + wait.toNanos();
    while (true) {
      try {
        return FolderLock.take(lock);
      } catch (ResumeRefusedException e) {
        if (System.nanoTime() - end >= 0) {
          throw refused(
              "waited " + wait.toSeconds() + " s for another night: " + e.getMessage(), e);
        }
      }
      try {
        Thread.sleep(POLL.toMillis());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CommandException(
            ExitCode.INTERRUPTED, "Interrupted while waiting for another night", "", e);
      }
    }
  }

  private static CommandException refused(String why, Exception cause) {
    return new CommandException(
        ExitCode.RETRYABLE,
        "Refused, so that two nights never overlap: " + why,
        "Start it again later, or wait for the other with --overlap wait.",
        cause);
  }

  @Override
  public void close() throws IOException {
    held.close();
  }
}
