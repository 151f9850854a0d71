package dev.millrace.engine.compute;

import dev.millrace.api.engine.KvCacheType;
import java.util.Map;

/**
 * Opens the backends of a group of ranks, and knows what they will take before anything is taken:
 * the sizes here are exactly what {@link Backend} takes, so that plan and use agree to the byte.
 * Thread-safe.
 */
public interface BackendFactory {

  /** Name in reports, for example {@code reference}. */
  String name();

  /** Type of activations between verbs. Logits are always {@link DType#F32}. */
  DType activationType();

  /** Type of the residual stream, which every layer adds to. */
  default DType residualType() {
    return activationType();
  }

  /** Bytes {@link Backend#allocate} takes. */
  long tensorBytes(DType type, int rows, int width);

  /** Bytes {@link Backend#upload} takes. */
  long weightBytes(WeightShape shape);

  /** Bytes {@link Backend#allocateKvCache} takes. */
  long kvCacheBytes(int layers, int blocks, HeadLayout heads, KvCacheType type);

  /** Bytes a backend takes for itself when it is opened. */
  long scratchBytes(StepLimits limits, int ranks);

  /** Bytes that a device's driver holds for a rank beside what its backend takes, about. */
  default long driverBytes() {
    return 0;
  }

  /** Bytes that all ranks together could take now, weights left out where {@link #mapsWeights}. */
  long memoryAvailableBytes(int ranks);

  /** Share of the free memory that the KV cache takes at most, where its size is not given. */
  default double kvCacheShare() {
    return 0.6;
  }

  /** Most rows of logits worth computing at once. */
  default int logitRowsMax() {
    return 256;
  }

  /** Most bytes of logits that are held at once, over all ranks' parts of a row. */
  default long logitBytesMax() {
    return 64L << 20;
  }

  /** Whether uploaded weights stay in their mapped pages, which the system may drop and reread. */
  boolean mapsWeights();

  /**
   * Opens the backend of one rank. Called by the rank's own thread, which alone uses it.
   *
   * @param planBytes the most that may be taken for each purpose
   */
  Backend open(int rank, int ranks, StepLimits limits, Map<MemoryPurpose, Long> planBytes);
}
