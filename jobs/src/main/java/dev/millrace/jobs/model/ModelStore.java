package dev.millrace.jobs.model;

import dev.millrace.api.workspace.MalformedWorkspaceException;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.converter.read.Checkpoint;
import dev.millrace.jobs.console.Console;
import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.jobs.outcome.Failures;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;

/**
 * Workspaces by model. A checkpoint is converted once, in a process of its own, into the cache
 * under its fingerprint; a changed checkpoint is another model. Two jobs that want the same one
 * wait for each other. Safe to delete at any time when no job runs.
 */
public final class ModelStore {
  private static final int FINGERPRINT_DIGITS = 16;
  private static final long LOCK_POLL_MILLIS = 100;

  private final Places places;
  private final Console console;

  public ModelStore(Places places, Console console) {
    this.places = places;
    this.console = console;
  }

  /**
   * The workspace of a model.
   *
   * @throws CommandException if there is none and none can be made
   */
  public Path workspace(ModelChoice choice) {
    try {
      return switch (choice.kind()) {
        case WORKSPACE -> existing(choice.path());
        case CHECKPOINT -> converted(choice.path());
        case SAMPLE -> converted(sampleModel());
      };
    } catch (IOException e) {
      throw Failures.explain(e);
    }
  }

  private static Path existing(Path path) {
    if (!Workspace.isWorkspace(path)) {
      boolean checkpoint = Files.isRegularFile(path.resolve("config.json"));
      throw CommandException.usage(
          "Expected a workspace, found "
              + (checkpoint
                  ? "a checkpoint"
                  : Files.exists(path) ? "something else" : "nothing at that path")
              + " (workspace="
              + path
              + ")",
          checkpoint
              ? "Give it as --model " + path + ", or convert it with 'millrace convert'."
              : "Make one with 'millrace convert --checkpoint CHECKPOINT --output " + path + "'.");
    }
    return path;
  }

  private Path sampleModel() {
    if (places.sampleModel() == null) {
      throw CommandException.usage(
          "Expected a model, found none named and no sample model beside the program",
          "Name one: --workspace WORKSPACE or --model CHECKPOINT.");
    }
    return places.sampleModel();
  }

  private Path converted(Path checkpoint) throws IOException {
    if (!Files.isDirectory(checkpoint)) {
      throw CommandException.usage(
          "Expected a checkpoint folder, found none (model=" + checkpoint + ")",
          "Check the path; a checkpoint holds config.json and .safetensors files.");
    }
    String fingerprint = Checkpoint.open(checkpoint).fingerprint();
    Path folder = places.cache().resolve("models");
    String name =
        checkpoint.toAbsolutePath().normalize().getFileName()
            + "-"
            + fingerprint.substring(0, FINGERPRINT_DIGITS)
            + "-v"
            + WorkspaceManifest.FORMAT_VERSION;
    Path workspace = folder.resolve(name);
    if (!Workspace.isWorkspace(workspace)) {
      convertOnce(checkpoint, folder, workspace);
    }
    requireWhole(workspace);
    return workspace;
  }

  private static void requireWhole(Path workspace) throws IOException {
    try {
      Workspace.open(workspace).close();
    } catch (MalformedWorkspaceException e) {
      throw new CommandException(
          ExitCode.USAGE, e.getMessage(), "Delete " + workspace + ", then run this again.", e);
    }
  }

  private void convertOnce(Path checkpoint, Path folder, Path workspace) throws IOException {
    makeFolder(folder);
    Path lockFile = folder.resolve(workspace.getFileName() + ".lock");
    try (FileChannel channel =
            FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = waitForLock(channel, workspace)) {
      if (lock.isValid() && !Workspace.isWorkspace(workspace)) {
        console.notice("Converting " + checkpoint + " once, into " + workspace + ".");
        int exit =
            new ChildProcess(console)
                .convert("--checkpoint", checkpoint.toString(), "--output", workspace.toString());
        if (exit != 0) {
          throw new CommandException(
              ExitCode.ofNumber(exit).orElse(ExitCode.INTERNAL),
              "The checkpoint could not be converted (model=" + checkpoint + "); see above",
              "Run 'millrace convert --checkpoint " + checkpoint + " --output WORKSPACE' alone.");
        }
      }
    }
  }

  /** By polling, because a lock that this very JVM holds cannot be waited for. */
  private FileLock waitForLock(FileChannel channel, Path workspace) throws IOException {
    boolean told = false;
    while (true) {
      try {
        FileLock lock = channel.tryLock();
        if (lock != null) {
          return lock;
        }
      } catch (OverlappingFileLockException e) {
        // held by another thread of this JVM: wait as for another process
      }
      if (!told) {
        console.notice(
            "Another job is converting " + workspace.getFileName() + "; waiting for it.");
        told = true;
      }
      try {
        TimeUnit.MILLISECONDS.sleep(LOCK_POLL_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new CommandException(
            ExitCode.INTERRUPTED, "Interrupted while waiting", "Run the same command again.", e);
      }
    }
  }

  private static void makeFolder(Path folder) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new CommandException(
          ExitCode.USAGE,
          "The cache folder cannot be written: " + e,
          "Set MILLRACE_CACHE to a folder that can be written.",
          e);
    }
  }
}
