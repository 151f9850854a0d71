package dev.millrace.engine.model;

import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.Weight;

/**
 * Gated feed-forward of one layer over this rank's width: activations.normed to
 * activations.partial.
 *
 * @param gateUp hidden to gate and up, split by outputs
 * @param down gated width to hidden, split by inputs: a partial sum on every rank
 */
record FeedForward(Weight gateUp, Weight down) {

  void forward(Backend backend, Activations activations, int rows) {
    backend.matmulThenGate(activations.normed, gateUp, activations.gateUp, activations.gated, rows);
    backend.matmul(activations.gated, down, activations.partial, rows);
  }
}
