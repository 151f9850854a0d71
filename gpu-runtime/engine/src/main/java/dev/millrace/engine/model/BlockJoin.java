package dev.millrace.engine.model;

import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.compute.Weight;
import dev.millrace.engine.rank.Collective;

/** How the ranks' partial outputs of a block come together and into the residual stream. */
interface BlockJoin {

  /**
   * residual += the sum of the partial outputs over the ranks; y = its norm, input of what follows.
   *
   * @param partial (rows, hidden); holds the sum after
   * @param residual (rows, hidden)
   * @param y (rows, hidden)
   */
  void apply(
      Backend backend,
      Collective collective,
      Tensor partial,
      Tensor residual,
      Weight norm,
      float epsilon,
      Tensor y,
      int rows);

  /** The sum alone. */
  record Sum() implements BlockJoin {
    @Override
    public void apply(
        Backend backend,
        Collective collective,
        Tensor partial,
        Tensor residual,
        Weight norm,
        float epsilon,
        Tensor y,
        int rows) {
      collective.allReduceThenAddRmsNorm(backend, partial, residual, norm, epsilon, y, rows);
    }
  }

  /** The sum and a bias, which every rank has whole and adds once: after the sum. */
  record BiasedSum(Weight bias) implements BlockJoin {
    @Override
    public void apply(
        Backend backend,
        Collective collective,
        Tensor partial,
        Tensor residual,
        Weight norm,
        float epsilon,
        Tensor y,
        int rows) {
      collective.allReduce(partial, rows);
      backend.addBias(partial, bias, rows);
      backend.addThenRmsNorm(partial, residual, norm, epsilon, y, rows);
    }
  }
}
