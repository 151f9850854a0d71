package dev.millrace.engine.compute;

import dev.millrace.api.engine.KvCacheType;
import dev.millrace.engine.step.StepPlan;
import java.util.function.IntConsumer;

/**
 * The arithmetic of one rank. Used by one thread. All memory is taken between opening and the first
 * {@link #begin}; verbs allocate nothing. Shapes are (rows, width); {@code rows} counts the leading
 * rows a verb works on, from 0 to the rows allocated; rows beyond are neither read nor written.
 *
 * <p>Every result row depends on nothing but its own inputs, and is summed in an order that depends
 * on nothing but their width (for {@link #attend}: on the positions attended): the same row gives
 * the same bits alone, in any batch, at any place in it, and however a prompt was cut into chunks.
 *
 * <p>A verb may return before its work is done (a device queue); {@link #read} waits for all of it.
 * Wrong shapes are programming errors and throw {@link IllegalArgumentException}.
 */
public interface Backend extends AutoCloseable {

  /** Gate elements that lie together before the up elements that belong to them. */
  int GATE_BLOCK = 64;

  // Memory

  /** Takes memory for a tensor; its contents are undefined. */
  Tensor allocate(MemoryPurpose purpose, String name, DType type, int rows, int width);

  /** Takes over a weight; see {@link WeightData#ranges} for how long its bytes must live. */
  Weight upload(WeightData data);

  /**
   * Takes memory for keys and values; their contents are undefined.
   *
   * <p>In 8 bits, the key or value of a head and token is stored as numbers q of 8 bits and a
   * float32 scale, the largest of its absolute values divided by 127 (int8) or 448 (fp8), and means
   * q times the scale. A number x becomes x * (127 / largest) in float32, rounded to the nearest
   * integer, or x * (448 / largest), rounded to the nearest e4m3; ties go to even. Where the
   * largest is below 2^-100, all are zero. What is not finite makes the scale so.
   */
  KvCache allocateKvCache(String name, int layers, int blocks, HeadLayout heads, KvCacheType type);

  /** Gives back what was allocated or uploaded here; once. */
  void release(Allocation allocation);

  /** What is taken now and was planned, by purpose. */
  RankMemory memory();

  /** Sets the leading rows of a tensor. Waits; not for use within a step. */
  void write(float[] values, Tensor x, int rows);

  /** Copies the leading rows of a tensor, contiguous, after all verbs before have done. Waits. */
  void read(Tensor x, int rows, float[] values);

  // A step

  /** Takes up a plan. What it returns is valid until the next call. */
  StepBatch begin(StepPlan plan);

  /**
   * Runs the part of a step that is the same for all steps with equal {@link StepBatch#rows}: a
   * backend may record it once and replay the recording.
   */
  default void run(StepBatch batch, Runnable verbs) {
    verbs.run();
  }

  /**
   * Looks the tokens of the step up.
   *
   * @param embedding (vocabulary, hidden), output-major
   * @param y (rows, hidden)
   */
  void embed(StepBatch batch, Weight embedding, Tensor y);

  /**
   * y = x / sqrt(mean(x^2) + epsilon) * weight, row by row.
   *
   * @param x (rows, width)
   * @param weight (width)
   * @param y (rows, width); may be x
   */
  void rmsNorm(Tensor x, Weight weight, float epsilon, Tensor y, int rows);

  /**
   * y = x W^T.
   *
   * @param x (rows, inputs)
   * @param weight (outputs, inputs), any layout
   * @param y (rows, outputs)
   */
  void matmul(Tensor x, Weight weight, Tensor y, int rows);

  /**
   * x += bias, row by row.
   *
   * @param x (rows, width)
   * @param bias (width)
   */
  void addBias(Tensor x, Weight bias, int rows);

  /**
   * x += y.
   *
   * @param x (rows, width)
   * @param y (rows, width)
   */
  void add(Tensor x, Tensor y, int rows);

  /**
   * RMS norm of each query head with {@code queryWeight} and of each key head with {@code
   * keyWeight}, in place; values are left alone.
   *
   * @param qkv (rows, heads.qkvWidth())
   * @param queryWeight (headSize)
   * @param keyWeight (headSize)
   */
  void normalizeHeads(
      Tensor qkv, HeadLayout heads, Weight queryWeight, Weight keyWeight, float epsilon, int rows);

  /**
   * Rotates each query and key head by the position of its token, in place: with p pairs, for i
   * below p, (a, b) = (head[i], head[i + p]) becomes (a cos - b sin, b cos + a sin), where cos and
   * sin are elements i and p + i of the position's row of the table. Elements from 2 p on are left
   * alone, and so are values.
   *
   * @param qkv (rows, heads.qkvWidth())
   * @param rotary (positions, 2 p) float32: p cosines, then p sines
   */
  void rotate(StepBatch batch, Tensor qkv, HeadLayout heads, Tensor rotary);

  /**
   * Copies keys and values of the step's tokens to the cache, each to its position in its
   * sequence's blocks.
   *
   * @param qkv (rows, heads.qkvWidth())
   */
  void appendKv(StepBatch batch, Tensor qkv, KvCache cache, int layer);

  /**
   * Causal attention of each token of the step over the positions 0 to its own of its sequence,
   * which must have been appended, this step's included: softmax(q k^T / sqrt(headSize)) v.
   *
   * @param qkv (rows, heads.qkvWidth()): the queries are read
   * @param y (rows, heads.outputWidth()): the query heads in order
   */
  void attend(StepBatch batch, Tensor qkv, KvCache cache, int layer, Tensor y);

  /**
   * y = silu(gate) * up, silu(x) = x / (1 + exp(-x)).
   *
   * @param gateUp (rows, 2 width): blocks of 64 gate elements and the 64 up elements that belong to
   *     them in turn
   * @param y (rows, width), width a multiple of 64
   */
  void gatedActivation(Tensor gateUp, Tensor y, int rows);

  /**
   * Gathers rows whose logits are asked for.
   *
   * @param first index of the first among the batch's {@link StepBatch#logitRows}
   * @param count how many
   * @param x (rows, width)
   * @param y (count, width)
   */
  void gatherLogitRows(StepBatch batch, int first, int count, Tensor x, Tensor y);

  // Fusions: a backend overrides those it can do in one pass

  /** {@link #matmul}, then {@link #addBias}. */
  default void matmulAddBias(Tensor x, Weight weight, Weight bias, Tensor y, int rows) {
    matmul(x, weight, y, rows);
    addBias(y, bias, rows);
  }

  /** residual += x, then y = {@link #rmsNorm} of it. */
  default void addThenRmsNorm(
      Tensor x, Tensor residual, Weight weight, float epsilon, Tensor y, int rows) {
    add(residual, x, rows);
    rmsNorm(residual, weight, epsilon, y, rows);
  }

  /** {@link #rotate}, then {@link #appendKv}. */
  default void rotateThenAppend(
      StepBatch batch, Tensor qkv, Tensor rotary, KvCache cache, int layer) {
    rotate(batch, qkv, cache.heads(), rotary);
    appendKv(batch, qkv, cache, layer);
  }

  /** {@link #normalizeHeads}, then {@link #rotate}, then {@link #appendKv}. */
  default void normalizeRotateThenAppend(
      StepBatch batch,
      Tensor qkv,
      Weight queryWeight,
      Weight keyWeight,
      float epsilon,
      Tensor rotary,
      KvCache cache,
      int layer) {
    normalizeHeads(qkv, cache.heads(), queryWeight, keyWeight, epsilon, batch.rows());
    rotateThenAppend(batch, qkv, rotary, cache, layer);
  }

  /** {@link #matmul} to twice the width, then {@link #gatedActivation}. */
  default void matmulThenGate(Tensor x, Weight gateUp, Tensor wide, Tensor y, int rows) {
    matmul(x, gateUp, wide, rows);
    gatedActivation(wide, y, rows);
  }

  /** Host threads this backend has for work on the host, the calling one included. */
  default int hostThreads() {
    return 1;
  }

  /**
   * Runs work on the host once for each index from 0 to count, spread over {@link #hostThreads}; in
   * order on the calling thread where it has no other. Returns when all is done.
   *
   * @param count at most {@link #hostThreads}
   * @param work thread-safe
   */
  default void forEach(int count, IntConsumer work) {
    for (int index = 0; index < count; index++) {
      work.accept(index);
    }
  }

  /**
   * Gives back the backend's own memory. Idempotent.
   *
   * @throws IllegalStateException if anything is not released, listing it
   */
  @Override
  void close();
}
