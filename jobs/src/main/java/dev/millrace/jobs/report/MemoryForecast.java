package dev.millrace.jobs.report;

import dev.millrace.api.engine.MemoryEntry;
import java.util.List;

/**
 * What a number of ranks would take.
 *
 * @param ranks tensor-parallel ranks
 * @param perRank bytes by purpose on each rank; empty if the model cannot be split so
 * @param obstacle why it cannot run so, or null if it can
 * @param kvCacheTokens tokens whose keys and values the cache holds; 0 if not known
 */
public record MemoryForecast(
    int ranks, List<MemoryEntry> perRank, String obstacle, long kvCacheTokens) {
  public MemoryForecast {
    perRank = List.copyOf(perRank);
  }

  /** One that does not run, or whose cache is not known. */
  public MemoryForecast(int ranks, List<MemoryEntry> perRank, String obstacle) {
    this(ranks, perRank, obstacle, 0);
  }

  public boolean fits() {
    return obstacle == null;
  }

  /** Bytes on one rank. */
  public long rankBytes() {
    return perRank.stream().mapToLong(MemoryEntry::plannedBytes).sum();
  }

  /** Bytes on all ranks together; on the CPU they share one memory. */
  public long totalBytes() {
    return rankBytes() * ranks;
  }
}
