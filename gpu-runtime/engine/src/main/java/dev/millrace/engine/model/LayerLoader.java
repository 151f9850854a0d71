package dev.millrace.engine.model;

import dev.millrace.api.workspace.AttentionRecord;
import dev.millrace.api.workspace.TensorNames;
import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.compute.Weight;

/** Puts a layer together from its record: one part for each difference between architectures. */
final class LayerLoader {
  private final DecoderShape shape;
  private final RankWeights weights;
  private final Activations activations;

  LayerLoader(DecoderShape shape, RankWeights weights, Activations activations) {
    this.shape = shape;
    this.weights = weights;
    this.activations = activations;
  }

  DecoderLayer load(int layer) {
    AttentionRecord attention = shape.layers().get(layer).attention();
    return new DecoderLayer(
        weights.layerPart(layer, TensorNames.ATTENTION_NORM),
        new Attention(
            layer,
            qkv(layer, attention),
            append(layer, attention),
            weights.layerPart(layer, TensorNames.OUTPUT)),
        attention.outputBias()
            ? new BlockJoin.BiasedSum(weights.layerPart(layer, TensorNames.OUTPUT_BIAS))
            : new BlockJoin.Sum(),
        weights.layerPart(layer, TensorNames.FEED_FORWARD_NORM),
        new FeedForward(
            weights.layerPart(layer, TensorNames.GATE_UP),
            weights.layerPart(layer, TensorNames.DOWN)),
        new BlockJoin.Sum());
  }

  private Projection qkv(int layer, AttentionRecord attention) {
    Weight weight = weights.layerPart(layer, TensorNames.QKV);
    return attention.qkvBias()
        ? new Projection.Biased(weight, weights.layerPart(layer, TensorNames.QKV_BIAS))
        : new Projection.Plain(weight);
  }

  private KeyValueAppend append(int layer, AttentionRecord attention) {
    Tensor rotary = activations.rotary(attention.rotary());
    return attention.queryKeyNorm()
        ? new KeyValueAppend.NormedAndRotated(
            weights.layerPart(layer, TensorNames.QUERY_NORM),
            weights.layerPart(layer, TensorNames.KEY_NORM),
            shape.epsilon(),
            rotary)
        : new KeyValueAppend.Rotated(rotary);
  }
}
