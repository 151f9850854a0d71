package dev.millrace.converter.weights;

import dev.millrace.api.workspace.WorkspaceManifest.QuantizationRecord;
import java.io.IOException;

/** The weights of a model, by the names that checkpoints of Llama and Qwen give them. */
public interface Weights {

  /**
   * The weight of a linear layer or an embedding.
   *
   * @param module for example {@code model.layers.0.mlp.up_proj}, without {@code .weight}
   * @throws IOException if it is missing or has another shape
   */
  Matrix matrix(String module, long outputs, long inputs) throws IOException;

  /**
   * A norm's weight or a bias, as a matrix of one input.
   *
   * @param name for example {@code model.norm.weight}
   */
  DenseMatrix vector(String name, long size) throws IOException;

  /** Refuses weights that nobody asked for: they belong to something that is not carried over. */
  void requireAllUsed() throws IOException;

  /** How the weights are quantised; null if they are not. */
  QuantizationRecord quantization();

  /** Bytes of all weights at their source. */
  long bytes();
}
