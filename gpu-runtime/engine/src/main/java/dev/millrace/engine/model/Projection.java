package dev.millrace.engine.model;

import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.compute.Weight;

/** A linear map, with a bias or without. */
interface Projection {

  /**
   * Applies the map.
   *
   * @param x (rows, inputs)
   * @param y (rows, outputs)
   */
  void apply(Backend backend, Tensor x, Tensor y, int rows);

  /** y = x W^T. */
  record Plain(Weight weight) implements Projection {
    @Override
    public void apply(Backend backend, Tensor x, Tensor y, int rows) {
      backend.matmul(x, weight, y, rows);
    }
  }

  /** y = x W^T + b. */
  record Biased(Weight weight, Weight bias) implements Projection {
    @Override
    public void apply(Backend backend, Tensor x, Tensor y, int rows) {
      backend.matmulAddBias(x, weight, bias, y, rows);
    }
  }
}
