package dev.millrace.api.workspace;

import java.util.Objects;

/**
 * The feed-forward block of a layer: {@code down(activation(gate(x)) * up(x))}.
 *
 * @param kind dense, or (in later versions) routed experts
 * @param width width in the checkpoint
 * @param paddedWidth width as stored; gate and up outputs past {@code width}, and the matching
 *     inputs of down, are exact zeros
 * @param activation applied to the gate
 * @param interleave gate and up outputs alternate in blocks of this many
 */
public record FeedForwardRecord(
    Kind kind, int width, int paddedWidth, Activation activation, int interleave) {

  /** Which feed-forward block. */
  public enum Kind {
    /** Every token goes through the same weights. */
    DENSE
  }

  /** Activation function of the gate. */
  public enum Activation {
    /** {@code x / (1 + exp(-x))}. */
    SILU
  }

  /** Outputs per block of gate and of up rows in version 1. */
  public static final int INTERLEAVE = 64;

  public FeedForwardRecord {
    Objects.requireNonNull(kind, "kind");
    Objects.requireNonNull(activation, "activation");
    if (width < 1 || paddedWidth < width) {
      throw new IllegalArgumentException(
          "paddedWidth: expected at least width (" + width + ", at least 1), found " + paddedWidth);
    }
    if (interleave != INTERLEAVE || paddedWidth % interleave != 0) {
      throw new IllegalArgumentException(
          "interleave: expected "
              + INTERLEAVE
              + ", dividing paddedWidth ("
              + paddedWidth
              + "), found "
              + interleave);
    }
  }
}
