package dev.millrace.jobs.evaluate.night;

import dev.millrace.jobs.evaluate.result.NightFolder;
import dev.millrace.pipeline.store.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Deletes the files of old nights. What was asked and what it came to stays, so that the history
 * has no gap; nights that have not ended, that the evaluation keeps or whose folder holds a file
 * {@value #KEEP} are left alone. The accepted baseline is a copy elsewhere.
 */
final class Retention {
  static final String KEEP = "KEEP";

  private static final Set<String> STAYS =
      Set.of(NightJson.FILE_NAME, NightFolder.NIGHT_FILE, NightFolder.SPEC_FILE);

  private final NightStore store;
  private final int nights;

  /**
   * @param nights how many of the latest nights keep their files
   */
  Retention(NightStore store, int nights) {
    this.store = store;
    this.nights = nights;
  }

  /** Deletes what is too old; returns how many nights it emptied. */
  int apply(Set<String> kept) throws IOException {
    List<NightEntry> all = store.nights();
    int emptied = 0;
    for (NightEntry night : all.subList(0, Math.max(0, all.size() - nights))) {
      Path folder = store.folder(night.id());
      boolean old =
          night.state() == NightEntry.State.ENDED
              && !kept.contains(night.id().toString())
              && Files.notExists(folder.resolve(KEEP));
      if (old && empty(folder)) {
        emptied++;
      }
    }
    return emptied;
  }

  private static boolean empty(Path folder) throws IOException {
    boolean any = false;
    try (Stream<Path> below = Files.list(folder)) {
      for (Path path : (Iterable<Path>) below::iterator) {
        if (!STAYS.contains(path.getFileName().toString())) {
          AtomicFiles.delete(path);
          any = true;
        }
      }
    }
    return any;
  }
}
