package dev.millrace.pipeline.write;

import dev.millrace.api.request.Completion;
import dev.millrace.pipeline.generate.Journal;
import dev.millrace.pipeline.generate.JournalTotals;
import dev.millrace.pipeline.group.Chunk;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The journals of a job, opened when first asked for; rows ask in any order. */
final class JournalSet implements Closeable {
  /** Mapped journals cost no heap to speak of, but the system counts mappings. */
  private static final int OPEN_MAX = 16_384;

  private final Path journals;
  private final List<Chunk> chunks;
  private final Map<Integer, Journal> open = new LinkedHashMap<>(64, 0.75f, true);

  JournalSet(Path journals, List<Chunk> chunks) {
    this.journals = journals;
    this.chunks = chunks;
  }

  Completion completion(int chunk, int slot) throws IOException {
    Journal journal = open.get(chunk);
    if (journal == null) {
      if (open.size() == OPEN_MAX) {
        int oldest = open.keySet().iterator().next();
        open.remove(oldest).close();
      }
      journal = Journal.open(journals, chunks.get(chunk));
      open.put(chunk, journal);
    }
    return journal.completion(slot);
  }

  /** Sums over all journals. */
  JournalTotals totals() throws IOException {
    JournalTotals totals = JournalTotals.NONE;
    for (Chunk chunk : chunks) {
      try (Journal journal = Journal.open(journals, chunk)) {
        totals = totals.plus(journal.totals());
      }
    }
    return totals;
  }

  @Override
  public void close() throws IOException {
    for (Journal journal : open.values()) {
      journal.close();
    }
  }
}
