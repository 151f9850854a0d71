package dev.millrace.pipeline.store;

import dev.millrace.pipeline.job.InvalidInputException;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * The layout of an output folder.
 *
 * <pre>
 * OUT/                     output files, under the relative names of the input files
 *   _failures/             failed rows, one file per output file that has any
 *   manifest.json          files, counts, checksums, settings, fingerprints
 *   _SUCCESS               empty, last of all
 *   _millrace/             work, all but the lock removed after success unless kept
 *     lock                 held by the job at work
 *     job.json             the description of the job
 *     stage/               committed as a whole: stage.json, chunks, row index, failures
 *     journals/            CHUNK-HASH.journal committed, CHUNK-HASH.log in progress
 *     files/               one JSON per committed output file
 * </pre>
 */
public final class WorkFolder implements Serializable {
  public static final String FAILURES = "_failures";
  private final String output;

  public WorkFolder(Path output) {
    this.output = output.toAbsolutePath().normalize().toString();
  }

  public Path output() {
    return Path.of(output);
  }

  public Path work() {
    return output().resolve("_millrace");
  }

  public Path lock() {
    return work().resolve("lock");
  }

  public Path description() {
    return work().resolve("job.json");
  }

  public Path stage() {
    return work().resolve("stage");
  }

  public Path journals() {
    return work().resolve("journals");
  }

  public Path files() {
    return work().resolve("files");
  }

  public Path manifest() {
    return output().resolve("manifest.json");
  }

  public Path success() {
    return output().resolve("_SUCCESS");
  }

  /**
   * Creates the output and work folders.
   *
   * @throws InvalidInputException if there is no such place
   */
  public void create() throws IOException {
    try {
      Files.createDirectories(work());
    } catch (NoSuchFileException e) {
      // folders above it are there by now: it is the file system that has no room for others
      throw new InvalidInputException(
          "expected an output folder that can be created, found a place that takes none (path="
              + output
              + "); choose another output",
          e);
    }
  }

  /** Removes all work but the lock. */
  public void clear() throws IOException {
    try (Stream<Path> entries = Files.list(work())) {
      for (Path entry : (Iterable<Path>) entries::iterator) {
        if (!entry.equals(lock())) {
          AtomicFiles.delete(entry);
        }
      }
    }
  }
}
