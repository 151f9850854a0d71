/**
 * Decoder models, written once for every rank count and every backend: a rank's weights are
 * smaller, its code is the same. Only the loader knows which rank it is. {@link
 * dev.millrace.engine.model.RankedExecutor} carries out step plans with them.
 */
package dev.millrace.engine.model;
