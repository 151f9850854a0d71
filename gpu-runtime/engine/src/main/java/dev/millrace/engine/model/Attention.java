package dev.millrace.engine.model;

import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.KvCache;
import dev.millrace.engine.compute.StepBatch;
import dev.millrace.engine.compute.Weight;

/**
 * Self-attention of one layer over this rank's heads: activations.normed to activations.partial.
 *
 * @param layer number of the layer, which is its place in the cache
 * @param qkv hidden to queries, keys and values, split by outputs
 * @param append norm, rotation, cache
 * @param output attended heads to hidden, split by inputs: a partial sum on every rank
 */
record Attention(int layer, Projection qkv, KeyValueAppend append, Weight output) {

  void forward(Backend backend, StepBatch batch, KvCache cache, Activations activations) {
    int rows = batch.rows();
    qkv.apply(backend, activations.normed, activations.qkv, rows);
    append.apply(backend, batch, activations.qkv, cache, layer);
    backend.attend(batch, activations.qkv, cache, layer, activations.attended);
    backend.matmul(activations.attended, output, activations.partial, rows);
  }
}
