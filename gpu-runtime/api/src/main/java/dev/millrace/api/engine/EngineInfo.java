package dev.millrace.api.engine;

import java.util.List;

/**
 * What an open engine is.
 *
 * @param modelFingerprint names weights, tokenizer and template: equal fingerprints, equal model
 * @param backend for example {@code cpu-vector}
 * @param ranks tensor-parallel ranks
 * @param contextTokensMax most tokens of prompt and output together
 * @param sequencesMax most sequences in one step
 * @param loadNanos time from opening to ready
 * @param memory bytes by purpose, per rank; equal on every rank
 * @param loadParts what the time to ready went into, as far as it is known
 * @param kvCacheTokens tokens whose keys and values the cache holds; 0 if not known
 */
public record EngineInfo(
    String modelFingerprint,
    String backend,
    int ranks,
    int contextTokensMax,
    int sequencesMax,
    long loadNanos,
    List<MemoryEntry> memory,
    List<LoadPart> loadParts,
    long kvCacheTokens) {
  public EngineInfo {
    memory = List.copyOf(memory);
    loadParts = List.copyOf(loadParts);
  }

  /** An engine that says neither what its start-up went into nor what its cache holds. */
  public EngineInfo(
      String modelFingerprint,
      String backend,
      int ranks,
      int contextTokensMax,
      int sequencesMax,
      long loadNanos,
      List<MemoryEntry> memory) {
    this(
        modelFingerprint,
        backend,
        ranks,
        contextTokensMax,
        sequencesMax,
        loadNanos,
        memory,
        List.of(),
        0);
  }
}
