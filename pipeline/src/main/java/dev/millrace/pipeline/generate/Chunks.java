package dev.millrace.pipeline.generate;

import dev.millrace.api.request.SamplingSettings;
import dev.millrace.pipeline.group.Chunk;
import dev.millrace.pipeline.job.Counters;
import dev.millrace.pipeline.store.WorkFolder;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** The chunks of a stage: which are committed, and how the others are worked on. */
public final class Chunks {
  private Chunks() {}

  /** Whether the chunk's journal is there and whole. */
  public static boolean isCommitted(WorkFolder folder, Chunk chunk) throws IOException {
    return Journal.isCommitted(folder.journals(), chunk);
  }

  /** The chunks without a journal; counts what the others hold. */
  public static List<Chunk> open(WorkFolder folder, List<Chunk> chunks, Counters counters)
      throws IOException {
    List<Chunk> open = new ArrayList<>();
    for (Chunk chunk : chunks) {
      if (isCommitted(folder, chunk)) {
        try (Journal journal = Journal.open(folder.journals(), chunk)) {
          countResumed(counters, journal.totals());
          counters.chunk();
        }
      } else {
        open.add(chunk);
      }
    }
    return open;
  }

  /** Counts what an earlier run had finished. */
  static void countResumed(Counters counters, JournalTotals totals) {
    for (long i = 0; i < totals.requests(); i++) {
      counters.row(i < totals.failed(), true, 0, 0, 0);
    }
    counters.tokens(totals.promptTokens(), totals.cachedTokens(), totals.outputTokens());
  }

  /**
   * Opens chunks as batches of requests.
   *
   * @param sampling settings of requests that have none of their own
   * @param run id of the run, for its counters
   */
  public static RequestBatch.Opener<Chunk, ChunkResult> opener(
      WorkFolder folder, SamplingSettings sampling, String run) {
    return new ChunkBatch.Opener(folder, sampling, run);
  }
}
