/**
 * Arithmetic of one thread over float arrays, and the threads: what the fast CPU backend is built
 * from. Two twins do the arithmetic, {@link dev.millrace.engine.compute.kernel.VectorKernels} where
 * the JVM offers the Vector API and {@link dev.millrace.engine.compute.kernel.PlainKernels}
 * elsewhere. Knows nothing of tensors, weights, models or steps; imports nothing of ours.
 */
package dev.millrace.engine.compute.kernel;
