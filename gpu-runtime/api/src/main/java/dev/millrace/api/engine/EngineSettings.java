package dev.millrace.api.engine;

import java.io.Serializable;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * How an engine is set up. Nothing here changes which tokens come out, but for {@code ranks},
 * {@code backend} and, on GPUs, the batch, in the last bits of their sums.
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
    long deviceMemoryBytes)
    implements Serializable {

  public EngineSettings {
    Objects.requireNonNull(backend, "backend");
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
        0);
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
    return new EngineSettings(
        value,
        ranks,
        sequencesMax,
        stepTokensMax,
        kvCacheBytes,
        contextTokensMax,
        prefixCache,
        threads,
        stepDeadlineMillis,
        devices,
        deviceMemoryBytes);
  }

  /** So many ranks, on the first GPUs. */
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
        stepDeadlineMillis,
        List.of(),
        deviceMemoryBytes);
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
        stepDeadlineMillis,
        devices,
        deviceMemoryBytes);
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
        stepDeadlineMillis,
        devices,
        deviceMemoryBytes);
  }

  public EngineSettings withContextTokensMax(int value) {
    return new EngineSettings(
        backend,
        ranks,
        sequencesMax,
        stepTokensMax,
        kvCacheBytes,
        value,
        prefixCache,
        threads,
        stepDeadlineMillis,
        devices,
        deviceMemoryBytes);
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
        stepDeadlineMillis,
        devices,
        deviceMemoryBytes);
  }

  /** One rank on each of these GPUs. */
  public EngineSettings withDevices(List<Integer> value) {
    return new EngineSettings(
        backend,
        value.size(),
        sequencesMax,
        stepTokensMax,
        kvCacheBytes,
        contextTokensMax,
        prefixCache,
        threads,
        stepDeadlineMillis,
        value,
        deviceMemoryBytes);
  }

  public EngineSettings withDeviceMemoryBytes(long value) {
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
        value);
  }
}
