package dev.millrace.api.engine;

import java.io.Serializable;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * How an engine is set up. Nothing here changes which tokens come out, but for {@code ranks},
 * {@code backend} and, on GPUs, the batch, in the last bits of their sums, and {@code kvCacheType}.
 *
 * @param backend {@code auto}, {@code cpu} (fastest CPU path the JVM offers), {@code cuda} (NVIDIA
 *     GPUs) or {@code reference}
 * @param ranks tensor-parallel ranks, at least 1
 * @param sequencesMax most sequences in one step; 0 takes what suits the backend
 * @param stepTokensMax most tokens in one step; longer prompts are prefilled in chunks of this
 *     size; 0 takes what suits the backend
 * @param kvCacheBytes bytes of the KV cache over all ranks; 0 chooses from what sequences need and
 *     what the machine has
 * @param contextTokensMax cap on prompt and output together; 0 takes the model's own
 * @param prefixCache share the keys and values of equal prompt prefixes
 * @param threads CPU threads over all ranks; 0 takes all cores
 * @param stepDeadlineMillis longest a step may take before the engine gives up
 * @param devices GPU of each rank, by the driver's count; the same one several times puts several
 *     ranks on it; empty takes 0 to ranks - 1
 * @param deviceMemoryBytes memory of each GPU to plan with; 0 takes what is free on it
 * @param kvCacheShare share of the memory free beside all else that the KV cache may take, where
 *     its bytes are not given; 0 takes what suits the backend
 * @param batchInvariant whether a row's answer must not depend on the rows beside it to the last
 *     bit; on the CPU it never does, on GPUs that costs speed
 * @param kvCacheType how keys and values are stored
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
    long stepDeadlineMillis,
    List<Integer> devices,
    long deviceMemoryBytes,
    double kvCacheShare,
    boolean batchInvariant,
    KvCacheType kvCacheType)
    implements Serializable {

  public EngineSettings {
    Objects.requireNonNull(backend, "backend");
    Objects.requireNonNull(kvCacheType, "kvCacheType");
    devices = List.copyOf(devices);
    if (ranks < 1) {
      throw new IllegalArgumentException("ranks: expected at least 1, found " + ranks);
    }
    requireNotNegative("sequencesMax", sequencesMax);
    requireNotNegative("stepTokensMax", stepTokensMax);
    requireNotNegative("kvCacheBytes", kvCacheBytes);
    requireNotNegative("contextTokensMax", contextTokensMax);
    requireNotNegative("threads", threads);
    requireNotNegative("deviceMemoryBytes", deviceMemoryBytes);
    if (!(kvCacheShare >= 0 && kvCacheShare <= 1)) {
      throw new IllegalArgumentException(
          "kvCacheShare: expected a share from 0 to 1, found " + kvCacheShare);
    }
    if (stepDeadlineMillis < 1) {
      throw new IllegalArgumentException(
          "stepDeadlineMillis: expected at least 1, found " + stepDeadlineMillis);
    }
    if (!devices.isEmpty() && devices.size() != ranks) {
      throw new IllegalArgumentException(
          "devices: expected one GPU for each of %d ranks, found %s".formatted(ranks, devices));
    }
    for (int device : devices) {
      requireNotNegative("devices", device);
    }
  }

  private static void requireNotNegative(String field, long value) {
    if (value < 0) {
      throw new IllegalArgumentException(
          "%s: expected 0 or more, found %d".formatted(field, value));
    }
  }

  /** Settings that leave the choice of GPUs and of their memory open. */
  public EngineSettings(
      String backend,
      int ranks,
      int sequencesMax,
      int stepTokensMax,
      long kvCacheBytes,
      int contextTokensMax,
      boolean prefixCache,
      int threads,
      long stepDeadlineMillis) {
    this(
        backend,
        ranks,
        sequencesMax,
        stepTokensMax,
        kvCacheBytes,
        contextTokensMax,
        prefixCache,
        threads,
        stepDeadlineMillis,
        List.of(),
        0,
        0,
        false,
        KvCacheType.AUTO);
  }

  /** One rank, batches as suit the backend, prefix cache on, all cores. */
  public static EngineSettings defaults() {
    return new EngineSettings("auto", 1, 0, 0, 0, 0, true, 0, 600_000);
  }

  /** The GPU of each rank, chosen or not. */
  public List<Integer> devicesOfRanks() {
    return devices.isEmpty() ? IntStream.range(0, ranks).boxed().toList() : devices;
  }

  public EngineSettings withBackend(String value) {
    return with(draft -> draft.backend = value);
  }

  /** So many ranks, on the first GPUs. */
  public EngineSettings withRanks(int value) {
    return with(
        draft -> {
          draft.ranks = value;
          draft.devices = List.of();
        });
  }

  public EngineSettings withBatch(int sequences, int stepTokens) {
    return with(
        draft -> {
          draft.sequencesMax = sequences;
          draft.stepTokensMax = stepTokens;
        });
  }

  public EngineSettings withKvCacheBytes(long value) {
    return with(draft -> draft.kvCacheBytes = value);
  }

  public EngineSettings withContextTokensMax(int value) {
    return with(draft -> draft.contextTokensMax = value);
  }

  public EngineSettings withPrefixCache(boolean value) {
    return with(draft -> draft.prefixCache = value);
  }

  /** One rank on each of these GPUs. */
  public EngineSettings withDevices(List<Integer> value) {
    return with(
        draft -> {
          draft.ranks = value.size();
          draft.devices = value;
        });
  }

  public EngineSettings withDeviceMemoryBytes(long value) {
    return with(draft -> draft.deviceMemoryBytes = value);
  }

  /** So large a share of the memory free beside all else for the KV cache, 0 to leave it open. */
  public EngineSettings withKvCacheShare(double value) {
    return with(draft -> draft.kvCacheShare = value);
  }

  /** Answers that depend on their own row alone, or as fast as can be. */
  public EngineSettings withBatchInvariant(boolean value) {
    return with(draft -> draft.batchInvariant = value);
  }

  /** Keys and values stored so. */
  public EngineSettings withKvCacheType(KvCacheType value) {
    return with(draft -> draft.kvCacheType = value);
  }

  private EngineSettings with(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return draft.settings();
  }

  /** The components while some of them change. */
  private static final class Draft {
    String backend;
    int ranks;
    int sequencesMax;
    int stepTokensMax;
    long kvCacheBytes;
    int contextTokensMax;
    boolean prefixCache;
    int threads;
    long stepDeadlineMillis;
    List<Integer> devices;
    long deviceMemoryBytes;
    double kvCacheShare;
    boolean batchInvariant;
    KvCacheType kvCacheType;

    Draft(EngineSettings from) {
      backend = from.backend;
      ranks = from.ranks;
      sequencesMax = from.sequencesMax;
      stepTokensMax = from.stepTokensMax;
      kvCacheBytes = from.kvCacheBytes;
      contextTokensMax = from.contextTokensMax;
      prefixCache = from.prefixCache;
      threads = from.threads;
      stepDeadlineMillis = from.stepDeadlineMillis;
      devices = from.devices;
      deviceMemoryBytes = from.deviceMemoryBytes;
      kvCacheShare = from.kvCacheShare;
      batchInvariant = from.batchInvariant;
      kvCacheType = from.kvCacheType;
    }

    EngineSettings settings() {
      return new EngineSettings(
          backend,
          ranks,
          sequencesMax,
          stepTokensMax,
          kvCacheBytes,
          contextTokensMax,
          prefixCache,
          threads,
          stepDeadlineMillis,
          devices,
          deviceMemoryBytes,
          kvCacheShare,
          batchInvariant,
          kvCacheType);
    }
  }
}
