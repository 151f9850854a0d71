package dev.millrace.converter.write;

import dev.millrace.api.workspace.StorageType;
import dev.millrace.converter.read.ModelConfig;
import dev.millrace.converter.weights.FusedRows;
import dev.millrace.converter.weights.Matrix;
import dev.millrace.converter.weights.Weights;
import java.io.IOException;
import java.util.List;

/** The linear weights of one layer, as the checkpoint has them. */
record LayerMatrices(
    Matrix query, Matrix key, Matrix value, Matrix output, Matrix gate, Matrix up, Matrix down) {

  static LayerMatrices of(Weights weights, ModelConfig config, int layer) throws IOException {
    String attention = "model.layers." + layer + ".self_attn.";
    String feedForward = "model.layers." + layer + ".mlp.";
    long hidden = config.hiddenSize();
    long queries = (long) config.queryHeads() * config.headSize();
    long keys = (long) config.kvHeads() * config.headSize();
    long width = config.feedForwardSize();
    return new LayerMatrices(
        weights.matrix(attention + "q_proj", queries, hidden),
        weights.matrix(attention + "k_proj", keys, hidden),
        weights.matrix(attention + "v_proj", keys, hidden),
        weights.matrix(attention + "o_proj", hidden, queries),
        weights.matrix(feedForward + "gate_proj", width, hidden),
        weights.matrix(feedForward + "up_proj", width, hidden),
        weights.matrix(feedForward + "down_proj", hidden, width));
  }

  boolean qkvTiled() {
    return FusedRows.over(List.of(query, key, value)).storage() == StorageType.INT4;
  }

  boolean outputTiled() {
    return FusedRows.storage(output) == StorageType.INT4;
  }

  boolean feedForwardTiled() {
    return FusedRows.over(List.of(gate, up)).storage() == StorageType.INT4
        || FusedRows.storage(down) == StorageType.INT4;
  }
}
