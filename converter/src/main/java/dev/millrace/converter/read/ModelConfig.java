package dev.millrace.converter.read;

import dev.millrace.api.workspace.RotaryRecord;
import dev.millrace.api.workspace.StorageType;

/**
 * What config.json says of a model, checked and in one form.
 *
 * @param architecture {@code llama}, {@code qwen2}, {@code qwen2_vl} or {@code qwen3}
 * @param hiddenSize width of the residual stream
 * @param layers decoder layers
 * @param queryHeads query heads
 * @param kvHeads key/value heads
 * @param headSize size of a head
 * @param feedForwardSize width of the feed-forward block
 * @param vocabularySize token ids
 * @param contextTokensMax most tokens of prompt and output together
 * @param normEpsilon added to the mean square in norms
 * @param tiedHead whether the embedding is also the head
 * @param qkvBias whether query, key and value projections have biases
 * @param outputBias whether the output projection has one
 * @param queryKeyNorm whether queries and keys are normed per head
 * @param rotary rotary settings in their final form
 * @param elementType type the model was published in
 */
public record ModelConfig(
    String architecture,
    int hiddenSize,
    int layers,
    int queryHeads,
    int kvHeads,
    int headSize,
    int feedForwardSize,
    int vocabularySize,
    int contextTokensMax,
    double normEpsilon,
    boolean tiedHead,
    boolean qkvBias,
    boolean outputBias,
    boolean queryKeyNorm,
    RotaryRecord rotary,
    StorageType elementType) {
  /** Qwen2-VL, of which the language model is converted. */
  public static final String QWEN2_VL = "qwen2_vl";
}
