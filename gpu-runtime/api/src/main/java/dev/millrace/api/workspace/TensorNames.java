package dev.millrace.api.workspace;

/** Canonical names of the tensors of a workspace. Those of a layer begin {@code layers.N.}. */
public final class TensorNames {
  /** Token embeddings, {@code [vocabularyPadded][hidden]}; also the head where it is tied. */
  public static final String EMBEDDING = "embedding";

  /** Output head, {@code [vocabularyPadded][hidden]}; absent where it is tied to the embedding. */
  public static final String HEAD = "head";

  /** Weight of the norm before the head, {@code [hidden]}. */
  public static final String FINAL_NORM = "final_norm";

  /** Weight of the norm before attention, {@code [hidden]}. */
  public static final String ATTENTION_NORM = "attention_norm";

  /** Query, key and value projections, fused by key/value group: see {@link KvGroups}. */
  public static final String QKV = "qkv";

  /** Bias of {@link #QKV}, in the same order; absent where there is none. */
  public static final String QKV_BIAS = "qkv_bias";

  /** Weight of the per-head norm of queries, {@code [headSize]}; Qwen3. */
  public static final String QUERY_NORM = "query_norm";

  /** Weight of the per-head norm of keys, {@code [headSize]}; Qwen3. */
  public static final String KEY_NORM = "key_norm";

  /** Output projection of attention, {@code [queryHeads * headSize]} inputs. */
  public static final String OUTPUT = "output";

  /** Bias of {@link #OUTPUT}, added once, after the sum over ranks; absent where there is none. */
  public static final String OUTPUT_BIAS = "output_bias";

  /** Weight of the norm before the feed-forward block, {@code [hidden]}. */
  public static final String FEED_FORWARD_NORM = "feed_forward_norm";

  /** Gate and up projections, interleaved: 64 gate outputs, the 64 matching up outputs, and on. */
  public static final String GATE_UP = "gate_up";

  /** Down projection, {@code [paddedWidth]} inputs. */
  public static final String DOWN = "down";

  private TensorNames() {}

  /** The full name of a layer's tensor. */
  public static String layer(int layer, String name) {
    return "layers." + layer + "." + name;
  }
}
