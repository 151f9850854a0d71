package dev.millrace.jobs.bench;

import dev.millrace.api.engine.KvCacheType;
import dev.millrace.api.workspace.AttentionRecord;
import dev.millrace.api.workspace.FeedForwardRecord;
import dev.millrace.api.workspace.LayerRecord;
import dev.millrace.api.workspace.ModelShape;
import dev.millrace.api.workspace.TensorNames;
import dev.millrace.api.workspace.WorkspaceManifest;

/**
 * The least time a step of steady continuous batching can take: each step draws one token of each
 * of B sequences and reads in as many prompt tokens as keep their number. Its parts come one after
 * another: products with the layers' weights (bound by arithmetic or by reading the weights), with
 * the head, keys and values read, attention of prompts; nothing for exchange between ranks, for
 * what lies between products, or for the host.
 *
 * @param linearParameters weights of all layers' products
 * @param linearBytes their bytes
 * @param headParameters weights of the head
 * @param keyValueBytes bytes of keys and values a token, over all layers
 * @param attentionWidth sum over layers of query heads x head size
 */
record Roofline(
    double linearParameters,
    double linearBytes,
    double headParameters,
    double keyValueBytes,
    double attentionWidth) {

  /** Bytes of an element of keys and values, but in 8 bits, and of the head. */
  private static final int ELEMENT_BYTES = 2;

  /** Of a model as it is stored, with a cache of this type. */
  static Roofline of(WorkspaceManifest manifest, KvCacheType cache) {
    ModelShape shape = manifest.shape();
    double hidden = shape.hiddenSize();
    double parameters = 0;
    double keyValues = 0;
    double width = 0;
    for (LayerRecord layer : manifest.layers()) {
      AttentionRecord attention = layer.attention();
      FeedForwardRecord feedForward = layer.feedForward();
      double queries = (double) attention.queryHeads() * attention.headSize();
      double keys = (double) attention.kvHeads() * attention.headSize();
      parameters +=
          hidden * (queries + 2 * keys) + queries * hidden + 3 * hidden * feedForward.width();
      keyValues +=
          cache.isEightBit()
              ? 2 * (keys + (double) attention.kvHeads() * Float.BYTES)
              : 2 * keys * ELEMENT_BYTES;
      width += queries;
    }
    double bytes =
        manifest.tensors().stream()
            .filter(tensor -> !tensor.name().equals(TensorNames.EMBEDDING))
            .filter(tensor -> !tensor.name().equals(TensorNames.HEAD))
            .mapToDouble(tensor -> tensor.bytes())
            .sum();
    return new Roofline(parameters, bytes, shape.vocabularySize() * hidden, keyValues, width);
  }

  /**
   * Output tokens a second that no engine can pass. Of prompts, tokens from the prefix cache are
   * not computed, and their keys and values may be read once for all that share them.
   *
   * @param sequences of a step, B
   * @param prompt mean tokens of a prompt, I
   * @param cached how many of these come from the prefix cache
   * @param output mean tokens of an answer, O
   * @param devices that share the model
   */
  double outputTokensPerSecond(
      double sequences,
      double prompt,
      double cached,
      double output,
      int devices,
      Ceilings ceilings) {
    double bytesPerSecond = ceilings.bytesPerSecond() * devices;
    double flopsPerSecond = ceilings.flopsPerSecond() * devices;
    double computed = sequences * (prompt - cached) / output;
    double tokens = sequences + computed;
    double layers =
        Math.max(linearBytes / bytesPerSecond, 2 * linearParameters * tokens / flopsPerSecond);
    double head =
        Math.max(
            headParameters * ELEMENT_BYTES / bytesPerSecond,
            2 * headParameters * sequences / flopsPerSecond);
    double keyValues = sequences * (prompt - cached + output / 2) * keyValueBytes / bytesPerSecond;
    double prefill = computed * 2 * attentionWidth * (prompt + cached) / flopsPerSecond;
    return sequences / (layers + head + keyValues + prefill);
  }
}
