package dev.millrace.engine.model;

import dev.millrace.api.engine.DoesNotFitException;
import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.engine.KvCacheType;
import dev.millrace.api.engine.MemoryEntry;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.compute.StepLimits;
import dev.millrace.engine.step.StepPlan;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What each rank will take, to the byte but for a device's driver, worked out from manifest and
 * settings before anything is taken. Equal on every rank.
 */
public final class MemoryPlan {

  private static final int LOGIT_ROWS_MIN = 8;

  private final DecoderShape shape;
  private final StepLimits limits;
  private final ActivationPlan activations;
  private final int kvBlocks;
  private final KvCacheType kvCacheType;
  private final Map<MemoryPurpose, Long> bytes;

  private MemoryPlan(
      DecoderShape shape,
      StepLimits limits,
      ActivationPlan activations,
      int kvBlocks,
      KvCacheType kvCacheType,
      Map<MemoryPurpose, Long> bytes) {
    this.shape = shape;
    this.limits = limits;
    this.activations = activations;
    this.kvBlocks = kvBlocks;
    this.kvCacheType = kvCacheType;
    this.bytes = Map.copyOf(bytes);
  }

  /**
   * Plans a model on a backend.
   *
   * @throws dev.millrace.api.engine.EngineException if this engine does not run the model, or not
   *     on so many ranks
   * @throws DoesNotFitException if it does not fit, with the sizes
   */
  public static MemoryPlan of(
      WorkspaceManifest manifest, EngineSettings settings, BackendFactory backends) {
    DecoderShape shape = ModelCatalog.shape(manifest, settings.ranks());
    StepLimits limits = limits(shape, settings, backends);
    Map<MemoryPurpose, Long> bytes = new EnumMap<>(MemoryPurpose.class);
    bytes.put(MemoryPurpose.WEIGHTS, RankWeights.bytes(manifest, shape, backends));
    bytes.put(MemoryPurpose.SCRATCH, backends.scratchBytes(limits, shape.ranks()));
    bytes.put(MemoryPurpose.DRIVER, backends.driverBytes());
    ActivationPlan activations =
        ActivationPlan.of(shape, limits, backends.activationType(), backends.residualType());
    for (TensorPlan tensor : activations.tensors()) {
      bytes.merge(tensor.purpose(), tensor.bytes(backends), Long::sum);
    }
    int blocks = new KvSizing(shape, limits, settings, backends, bytes).blocks();
    bytes.put(
        MemoryPurpose.KV_CACHE,
        backends.kvCacheBytes(
            shape.layers().size(), blocks, shape.heads(), settings.kvCacheType()));
    return new MemoryPlan(shape, limits, activations, blocks, settings.kvCacheType(), bytes);
  }

  private static StepLimits limits(
      DecoderShape shape, EngineSettings settings, BackendFactory backends) {
    int context =
        settings.contextTokensMax() == 0
            ? shape.contextTokensMax()
            : Math.min(settings.contextTokensMax(), shape.contextTokensMax());
    long rowBytes = (long) shape.ranks() * shape.vocabularyPart() * Float.BYTES;
    long rows =
        Math.max(
            LOGIT_ROWS_MIN, Math.min(backends.logitRowsMax(), backends.logitBytesMax() / rowBytes));
    return new StepLimits(
        settings.stepTokensMax(),
        settings.sequencesMax(),
        context,
        (int) Math.min(rows, settings.stepTokensMax()),
        shape.inputsMax(),
        shape.heads());
  }

  /** Ranks that share the model. */
  public int ranks() {
    return shape.ranks();
  }

  /** Most tokens of a sequence. */
  public int contextTokensMax() {
    return limits.contextTokensMax();
  }

  /** KV blocks of {@link StepPlan#BLOCK_TOKENS} tokens; the same ones on every rank. */
  public int kvBlocks() {
    return kvBlocks;
  }

  KvCacheType kvCacheType() {
    return kvCacheType;
  }

  DecoderShape shape() {
    return shape;
  }

  /** The largest step. */
  StepLimits limits() {
    return limits;
  }

  ActivationPlan activations() {
    return activations;
  }

  Map<MemoryPurpose, Long> bytes() {
    return bytes;
  }

  /** Bytes of one rank for a purpose. */
  public long bytes(MemoryPurpose purpose) {
    return bytes.getOrDefault(purpose, 0L);
  }

  /** Bytes of one rank. */
  public long rankBytes() {
    return bytes.values().stream().mapToLong(Long::longValue).sum();
  }

  /** The plan as a report shows it, with nothing taken yet. */
  public List<MemoryEntry> entries() {
    return entries(Map.of());
  }

  /** The plan beside what a rank has taken. */
  List<MemoryEntry> entries(Map<MemoryPurpose, Long> takenBytes) {
    List<MemoryEntry> entries = new ArrayList<>();
    for (MemoryPurpose purpose : MemoryPurpose.values()) {
      if (purpose == MemoryPurpose.DRIVER && bytes(purpose) == 0) {
        continue; // no device, no driver
      }
      entries.add(
          new MemoryEntry(purpose.label(), bytes(purpose), takenBytes.getOrDefault(purpose, 0L)));
    }
    return List.copyOf(entries);
  }

  /** How many KV blocks there will be. */
  private record KvSizing(
      DecoderShape shape,
      StepLimits limits,
      EngineSettings settings,
      BackendFactory backends,
      Map<MemoryPurpose, Long> other) {
    private static final String MORE_MEMORY =
        "give the process more memory (on the CPU, heap: JAVA_OPTS=-Xmx8g)";

    int blocks() {
      long blockBytes =
          backends.kvCacheBytes(shape.layers().size(), 1, shape.heads(), settings.kvCacheType())
              * shape.ranks();
      // One sequence must be able to reach the longest context, or it could never end.
      int perSequence =
          (limits.contextTokensMax() + StepPlan.BLOCK_TOKENS - 1) / StepPlan.BLOCK_TOKENS;
      long wanted = (long) perSequence * limits.sequencesMax();
      long available = backends.memoryAvailableBytes(shape.ranks()) - otherBytes();
      if (available < 0) {
        throw new DoesNotFitException(restTooLarge(available));
      }
      long blocks =
          settings.kvCacheBytes() > 0
              ? settings.kvCacheBytes() / blockBytes
              : Math.min(wanted, (long) (share() * available) / blockBytes);
      if (blocks < perSequence) {
        throw new DoesNotFitException(tooSmall(perSequence * blockBytes, available));
      }
      blocks = Math.min(blocks, Integer.MAX_VALUE);
      if (blocks * blockBytes > available) {
        throw new DoesNotFitException(
            "KV cache: expected at most the %s that are free beside %s for the rest, found %s (--kv-cache); ask for less, or %s"
                .formatted(
                    size(available), size(otherBytes()), size(blocks * blockBytes), MORE_MEMORY));
      }
      return (int) blocks;
    }

    private double share() {
      return settings.kvCacheShare() > 0 ? settings.kvCacheShare() : backends.kvCacheShare();
    }

    private String tooSmall(long sequenceBytes, long available) {
      String found =
          settings.kvCacheBytes() > 0
              ? "%s (--kv-cache); ask for more, or lower --max-model-len"
                  .formatted(size(settings.kvCacheBytes()))
              : "at most %d %% (--memory-fraction) of the %s that are free beside %s for the rest; lower --max-model-len, or %s"
                  .formatted(
                      Math.round(share() * 100), size(available), size(otherBytes()), MORE_MEMORY);
      return "KV cache: expected room for one sequence of %d tokens, %s, found %s"
          .formatted(limits.contextTokensMax(), size(sequenceBytes), found);
    }

    private String restTooLarge(long available) {
      List<String> parts = new ArrayList<>();
      for (Map.Entry<MemoryPurpose, Long> entry : other.entrySet()) {
        if (!isMapped(entry.getKey())) {
          parts.add(entry.getKey().label() + " " + size(entry.getValue() * shape.ranks()));
        }
      }
      return "memory: expected room for %s (%s) and a KV cache, found %s free, %s too little; lower --step-tokens, spread the model over more GPUs (--tp), or %s"
          .formatted(
              size(otherBytes()),
              String.join(", ", parts),
              size(available + otherBytes()),
              size(-available),
              MORE_MEMORY);
    }

    /** For people; exact sizes are in a plan that fits. */
    private static String size(long bytes) {
      return bytes < 1L << 30
          ? String.format(Locale.ROOT, "%.1f MiB", bytes / (double) (1L << 20))
          : String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1L << 30));
    }

    /** Bytes of all ranks for all else that is not in mapped pages. */
    private long otherBytes() {
      long bytes = 0;
      for (Map.Entry<MemoryPurpose, Long> entry : other.entrySet()) {
        bytes += isMapped(entry.getKey()) ? 0 : entry.getValue();
      }
      return bytes * shape.ranks();
    }

    private boolean isMapped(MemoryPurpose purpose) {
      return purpose == MemoryPurpose.WEIGHTS && backends.mapsWeights();
    }
  }
}
