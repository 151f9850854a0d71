package dev.millrace.engine.model;

import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.compute.StepLimits;
import java.util.ArrayList;
import java.util.List;

/** Every tensor a step writes, from the sizes of the model and of the largest step. */
record ActivationPlan(
    TensorPlan hidden, // (tokens, hidden) the residual stream
    TensorPlan normed, // (tokens, hidden) input of each block
    TensorPlan
        partial, // (tokens, hidden) output of each block, before and after the sum over ranks
    TensorPlan qkv, // (tokens, heads.qkvWidth())
    TensorPlan attended, // (tokens, heads.outputWidth())
    TensorPlan gateUp, // (tokens, 2 feedForward)
    TensorPlan gated, // (tokens, feedForward)
    TensorPlan chosen, // (logit rows, hidden) rows whose logits are asked for
    TensorPlan logits, // (logit rows, vocabularyPart) float32
    TensorPlan
        gathered, // (logit rows, ranks * vocabularyPart) float32; logits where there is 1 rank
    List<TensorPlan> rotary) { // (context, headSize) float32, one a distinct rotation

  ActivationPlan {
    rotary = List.copyOf(rotary);
  }

  static ActivationPlan of(DecoderShape shape, StepLimits limits, DType type, DType residualType) {
    int tokens = limits.tokensMax();
    List<TensorPlan> rotary = new ArrayList<>();
    for (int i = 0; i < RotaryTables.distinct(shape.layers()).size(); i++) {
      rotary.add(
          new TensorPlan(
              MemoryPurpose.ACTIVATIONS,
              "rotary." + i,
              DType.F32,
              limits.contextTokensMax(),
              shape.heads().headSize()));
    }
    TensorPlan logits = logits("logits", limits.logitRowsMax(), shape.vocabularyPart());
    return new ActivationPlan(
        activation("hidden", residualType, tokens, shape.hidden()),
        activation("normed", type, tokens, shape.hidden()),
        activation("partial", type, tokens, shape.hidden()),
        activation("qkv", type, tokens, shape.heads().qkvWidth()),
        activation("attended", type, tokens, shape.heads().outputWidth()),
        activation("gate_up", type, tokens, 2 * shape.feedForward()),
        activation("gated", type, tokens, shape.feedForward()),
        activation("chosen", type, limits.logitRowsMax(), shape.hidden()),
        logits,
        shape.ranks() == 1
            ? logits
            : logits("gathered", limits.logitRowsMax(), shape.ranks() * shape.vocabularyPart()),
        rotary);
  }

  private static TensorPlan activation(String name, DType type, int rows, int width) {
    return new TensorPlan(MemoryPurpose.ACTIVATIONS, name, type, rows, width);
  }

  private static TensorPlan logits(String name, int rows, int width) {
    return new TensorPlan(MemoryPurpose.LOGITS, name, DType.F32, rows, width);
  }

  /** All of them, each once. */
  List<TensorPlan> tensors() {
    List<TensorPlan> all =
        new ArrayList<>(
            List.of(hidden, normed, partial, qkv, attended, gateUp, gated, chosen, logits));
    if (!gathered.equals(logits)) {
      all.add(gathered);
    }
    all.addAll(rotary);
    return all;
  }
}
