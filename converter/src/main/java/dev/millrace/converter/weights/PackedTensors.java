package dev.millrace.converter.weights;

import dev.millrace.api.workspace.StorageType;
import dev.millrace.converter.read.TensorData;

/**
 * The tensors of one packed linear layer.
 *
 * @param qweight its numbers, eight to an int32
 * @param qzeros {@code [groups][outputs / 8]} int32
 * @param scales {@code [groups][outputs]}
 * @param scaleType F16 or BF16
 * @param outputs outputs of the layer
 * @param inputs inputs of the layer
 * @param groupInputs inputs that share a scale
 */
record PackedTensors(
    TensorData qweight,
    TensorData qzeros,
    TensorData scales,
    StorageType scaleType,
    long outputs,
    long inputs,
    long groupInputs) {}
