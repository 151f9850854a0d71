package dev.millrace.api.engine;

import java.io.Serializable;
import java.util.Objects;

/**
 * How an engine is set up. Nothing here changes which tokens come out, but for {@code ranks} and
 * {@code backend} in the last bits of their sums.
 *
 * @param backend {@code auto}, {@code cpu} (fastest CPU path the JVM offers) or {@code reference}
 * @param ranks tensor-parallel ranks, at least 1
 * @param sequencesMax most sequences in one step
 * @param stepTokensMax most tokens in one step; longer prompts are prefilled in chunks of this size
 * @param kvCacheBytes bytes of the KV cache over all ranks; 0 chooses from what sequences need and
 *     what the machine has
 * @param contextTokensMax cap on prompt and output together; 0 takes the model's own
 * @param prefixCache share the keys and values of equal prompt prefixes
 * @param threads CPU threads over all ranks; 0 takes all cores
 * @param stepDeadlineMillis longest a step may take before the engine gives up
 */
public record EngineSettings(
    String backend,
    int ranks,
    int sequencesMax,
    int stepTokensMax,
    long kvCacheBytes,
    int contextTokensMax,
    boolean prefixCache,
    int threads,
    long stepDeadlineMillis)
    implements Serializable {

  public EngineSettings {
    Objects.requireNonNull(backend, "backend");
    if (ranks < 1 || sequencesMax < 1 || stepTokensMax < 1) {
      throw new IllegalArgumentException(
          "ranks, sequencesMax and stepTokensMax: expected at least 1, found "
              + ranks
              + ", "
              + sequencesMax
              + ", "
              + stepTokensMax);
    }
    if (kvCacheBytes < 0 || contextTokensMax < 0 || threads < 0 || stepDeadlineMillis < 1) {
      throw new IllegalArgumentException(
          "kvCacheBytes, contextTokensMax, threads: expected 0 (choose) or more, found "
              + kvCacheBytes
              + ", "
              + contextTokensMax
              + ", "
              + threads
              + "; stepDeadlineMillis: expected at least 1, found "
              + stepDeadlineMillis);
    }
  }

  /** One rank, 64 sequences, 2048 tokens a step, prefix cache on, all cores. */
  public static EngineSettings defaults() {
    return new EngineSettings("auto", 1, 64, 2048, 0, 0, true, 0, 600_000);
  }

  public EngineSettings withBackend(String value) {
    return new EngineSettings(
        value,
        ranks,
        sequencesMax,
        stepTokensMax,
        kvCacheBytes,
        contextTokensMax,
        prefixCache,
        threads,
        stepDeadlineMillis);
  }

  public EngineSettings withRanks(int value) {
    return new EngineSettings(
        backend,
        value,
        sequencesMax,
        stepTokensMax,
        kvCacheBytes,
        contextTokensMax,
        prefixCache,
        threads,
        stepDeadlineMillis);
  }

  public EngineSettings withBatch(int sequences, int stepTokens) {
    return new EngineSettings(
        backend,
        ranks,
        sequences,
        stepTokens,
        kvCacheBytes,
        contextTokensMax,
        prefixCache,
        threads,
        stepDeadlineMillis);
  }

  public EngineSettings withKvCacheBytes(long value) {
    return new EngineSettings(
        backend,
        ranks,
        sequencesMax,
        stepTokensMax,
        value,
        contextTokensMax,
        prefixCache,
        threads,
        stepDeadlineMillis);
  }

  public EngineSettings withPrefixCache(boolean value) {
    return new EngineSettings(
        backend,
        ranks,
        sequencesMax,
        stepTokensMax,
        kvCacheBytes,
        contextTokensMax,
        value,
        threads,
        stepDeadlineMillis);
  }
}
