package dev.millrace.engine.model;

import dev.millrace.api.workspace.AttentionRecord;
import dev.millrace.api.workspace.KvGroups;
import dev.millrace.api.workspace.LayerRecord;
import dev.millrace.api.workspace.WorkspaceManifest;
import dev.millrace.engine.compute.HeadLayout;
import java.util.List;

/**
 * Sizes of one rank's share of a decoder; equal on every rank.
 *
 * @param ranks ranks that share the model
 * @param hidden width of the residual stream, whole on every rank
 * @param heads attention heads of the rank; key-value heads are on several ranks where there are
 *     more ranks than heads
 * @param feedForward feed-forward width of the rank
 * @param vocabulary tokens the model knows
 * @param vocabularyPart rows of the head of the rank; over all ranks at least the vocabulary
 * @param contextTokensMax most tokens of a sequence the model is made for
 * @param epsilon of every norm
 * @param tiedHead whether the head is the embedding
 * @param layers the layers' records
 */
record DecoderShape(
    int ranks,
    int hidden,
    HeadLayout heads,
    int feedForward,
    int vocabulary,
    int vocabularyPart,
    int contextTokensMax,
    float epsilon,
    boolean tiedHead,
    List<LayerRecord> layers) {

  DecoderShape {
    layers = List.copyOf(layers);
  }

  static DecoderShape of(WorkspaceManifest manifest, int ranks) {
    AttentionRecord attention = manifest.layers().get(0).attention();
    KvGroups groups = attention.kvGroups();
    int kvHeads = groups.rankKvHeads(ranks);
    return new DecoderShape(
        ranks,
        manifest.shape().hiddenSize(),
        new HeadLayout(
            kvHeads,
            divideExactly("query heads", groups.rankQueryHeads(ranks), kvHeads),
            attention.headSize()),
        divideExactly(
            "feed-forward width", manifest.layers().get(0).feedForward().paddedWidth(), ranks),
        manifest.shape().vocabularySize(),
        divideExactly("padded vocabulary", manifest.shape().vocabularyPadded(), ranks),
        manifest.shape().contextTokensMax(),
        (float) manifest.shape().normEpsilon(),
        manifest.shape().tiedHead(),
        manifest.layers());
  }

  private static int divideExactly(String what, int whole, int parts) {
    if (whole % parts != 0) {
      throw new IllegalArgumentException(
          "%s: expected a multiple of %d, found %d".formatted(what, parts, whole));
    }
    return whole / parts;
  }

  /** Whether embedding and head are one and the same weight on a rank. */
  boolean sharesHead() {
    return tiedHead && ranks == 1;
  }

  /** Elements of the widest row a verb reads. */
  int inputsMax() {
    int widest = Math.max(hidden, 2 * feedForward);
    return Math.max(widest, Math.max(heads.qkvWidth(), heads.outputWidth()));
  }
}
