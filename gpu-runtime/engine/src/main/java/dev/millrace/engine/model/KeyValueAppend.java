package dev.millrace.engine.model;

import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.KvCache;
import dev.millrace.engine.compute.StepBatch;
import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.compute.Weight;

/** What happens to queries and keys between their projection and the cache. */
interface KeyValueAppend {

  /**
   * Rotates queries and keys in place and appends keys and values.
   *
   * @param qkv (rows, heads.qkvWidth())
   */
  void apply(Backend backend, StepBatch batch, Tensor qkv, KvCache cache, int layer);

  /** Rotation alone: Llama, Qwen2. */
  record Rotated(Tensor rotary) implements KeyValueAppend {
    @Override
    public void apply(Backend backend, StepBatch batch, Tensor qkv, KvCache cache, int layer) {
      backend.rotateThenAppend(batch, qkv, rotary, cache, layer);
    }
  }

  /** Each query and key head normed before it is rotated: Qwen3. */
  record NormedAndRotated(Weight queryNorm, Weight keyNorm, float epsilon, Tensor rotary)
      implements KeyValueAppend {
    @Override
    public void apply(Backend backend, StepBatch batch, Tensor qkv, KvCache cache, int layer) {
      backend.normalizeRotateThenAppend(
          batch, qkv, queryNorm, keyNorm, epsilon, rotary, cache, layer);
    }
  }
}
