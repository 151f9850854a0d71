package dev.millrace.pipeline;

import dev.millrace.pipeline.job.InvalidInputException;
import dev.millrace.pipeline.job.JobSettings;
import dev.millrace.pipeline.read.InputFile;
import dev.millrace.pipeline.store.AtomicFiles;
import dev.millrace.pipeline.store.FolderLock;
import dev.millrace.pipeline.store.JobDescription;
import dev.millrace.pipeline.store.StorageErrors;
import dev.millrace.pipeline.store.WorkFolder;
import dev.millrace.pipeline.write.Assembler;
import dev.millrace.pipeline.write.OutputManifest;
import dev.millrace.pipeline.write.OutputNames;
import java.io.IOException;
import java.nio.file.Files;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** An output folder, taken by a job: locked, and known to hold this job's work or none. */
final class OutputFolder implements AutoCloseable {
  private static final Set<String> OWN_NAMES = Set.of("manifest.json", "_SUCCESS", "_millrace");

  private final WorkFolder folder;
  private final JobDescription description;
  private final FolderLock lock;
  private final OutputManifest finished;

  private OutputFolder(
      WorkFolder folder, JobDescription description, FolderLock lock, OutputManifest finished) {
    this.folder = folder;
    this.description = description;
    this.lock = lock;
    this.finished = finished;
  }

  /**
   * Takes the folder.
   *
   * @throws dev.millrace.pipeline.job.JobException if it is held, holds other work, or cannot be
   *     written
   */
  static OutputFolder take(
      JobSettings settings, List<InputFile> files, JobDescription description) {
    WorkFolder folder = new WorkFolder(settings.output().path());
    return StorageErrors.guard(
        folder.output(),
        () -> {
          folder.create();
          FolderLock lock = FolderLock.take(folder.lock());
          boolean taken = false;
          try {
            OutputManifest finished = prepare(folder, settings, files, description);
            taken = true;
            return new OutputFolder(folder, description, lock, finished);
          } finally {
            if (!taken) {
              lock.close();
            }
          }
        });
  }

  private static OutputManifest prepare(
      WorkFolder folder, JobSettings settings, List<InputFile> files, JobDescription description)
      throws IOException {
    if (!settings.resume()) {
      discard(folder);
    }
    OutputManifest manifest = OutputManifest.readIfPresent(folder);
    if (manifest != null) {
      manifest.description().checkSame(description, folder.output());
      if (manifest.isComplete(folder)) {
        return manifest;
      }
    }
    if (Files.exists(folder.stage())) {
      JobDescription.read(folder.description()).checkSame(description, folder.output());
    } else {
      folder.clear(); // nothing was committed: there is nothing to continue or to protect
      checkNames(folder, settings, files, manifest != null);
      AtomicFiles.write(folder.description(), description.toJson());
    }
    return null;
  }

  private static void discard(WorkFolder folder) throws IOException {
    OutputManifest manifest = OutputManifest.readIfPresent(folder);
    if (manifest != null) {
      manifest.deleteFiles(folder);
    }
    Assembler.deleteFiles(folder);
    Files.deleteIfExists(folder.success());
    Files.deleteIfExists(folder.manifest());
    folder.clear();
  }

  /** Two inputs must not share an output file, and nobody else's file may be replaced. */
  private static void checkNames(
      WorkFolder folder, JobSettings settings, List<InputFile> files, boolean ours) {
    Map<String, InputFile> names = new HashMap<>();
    for (InputFile file : files) {
      String name = OutputNames.of(file, settings.output().format());
      InputFile other = names.put(name, file);
      if (other != null || OWN_NAMES.contains(name)) {
        throw new InvalidInputException(
            "expected an output name for each input file, found "
                + name
                + (other == null ? " taken by the job itself" : " for " + other.location())
                + " (file="
                + file.location()
                + "); rename the file, or choose another output format");
      }
      if (!ours && Files.exists(folder.output().resolve(name))) {
        throw new InvalidInputException(
            "expected an output folder without a file "
                + name
                + ", found one that is not this job's (folder="
                + folder.output()
                + "); choose another output folder, or remove the file");
      }
    }
  }

  WorkFolder folder() {
    return folder;
  }

  JobDescription description() {
    return description;
  }

  /** The manifest, if an earlier run finished the job and its files are all there; else null. */
  OutputManifest finished() {
    return finished;
  }

  /** Marks the output as good, or takes the mark away, and removes the work unless kept. */
  void seal(boolean success, boolean keepWork) {
    StorageErrors.guard(
        folder.output(),
        () -> {
          if (!keepWork) {
            folder.clear();
          }
          if (success) {
            AtomicFiles.write(folder.success(), "");
          } else {
            Files.deleteIfExists(folder.success());
          }
          return null;
        });
  }

  @Override
  public void close() {
    StorageErrors.guard(
        folder.lock(),
        () -> {
          lock.close();
          return null;
        });
  }
}
