/**
 * Weights by their place in the model, wherever they come from: a checkpoint's tensors, dense or
 * packed in four bits, or a counter-based generator.
 */
package dev.millrace.converter.weights;
