package dev.millrace.api.workspace;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.Objects;

/**
 * The attention block of a layer.
 *
 * @param kind which tokens a token attends to
 * @param queryHeads query heads, a multiple of {@code kvHeads}
 * @param kvHeads key/value heads
 * @param headSize size of a head, even
 * @param qkvBias whether {@code qkv_bias} is added
 * @param outputBias whether {@code output_bias} is added
 * @param queryKeyNorm whether queries and keys are normed per head before they are rotated
 * @param rotary how queries and keys are rotated
 * @param kvElement the element type of keys and values in the published model; an engine may cache
 *     them wider, and narrower only where it says so
 */
public record AttentionRecord(
    Kind kind,
    int queryHeads,
    int kvHeads,
    int headSize,
    boolean qkvBias,
    boolean outputBias,
    boolean queryKeyNorm,
    RotaryRecord rotary,
    StorageType kvElement) {

  /** Which tokens a token attends to. */
  public enum Kind {
    /** To itself and all before it. */
    FULL
  }

  public AttentionRecord {
    Objects.requireNonNull(kind, "kind");
    Objects.requireNonNull(rotary, "rotary");
    Objects.requireNonNull(kvElement, "kvElement");
    if (queryHeads < 1 || kvHeads < 1 || queryHeads % kvHeads != 0) {
      throw new IllegalArgumentException(
          "queryHeads: expected a multiple of kvHeads ("
              + kvHeads
              + ", at least 1), found "
              + queryHeads);
    }
    if (headSize < 2 || headSize % 2 != 0) {
      throw new IllegalArgumentException("headSize: expected an even number, found " + headSize);
    }
    if (rotary.inverseFrequencies().size() != headSize / 2) {
      throw new IllegalArgumentException(
          "inverseFrequencies: expected headSize / 2 = "
              + headSize / 2
              + " of them, found "
              + rotary.inverseFrequencies().size());
    }
    if (!kvElement.isDense()) {
      throw new IllegalArgumentException("kvElement: expected F32, F16 or BF16, found INT4");
    }
  }

  /** Query heads that share one key/value head. */
  @JsonIgnore
  public int groupQueryHeads() {
    return queryHeads / kvHeads;
  }

  /** How the outputs of the fused projection are ordered. */
  @JsonIgnore
  public KvGroups kvGroups() {
    return new KvGroups(kvHeads, groupQueryHeads(), headSize);
  }
}
