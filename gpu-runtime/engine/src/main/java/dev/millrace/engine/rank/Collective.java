package dev.millrace.engine.rank;

import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.compute.Weight;

/**
 * One rank's end of the exchange between the ranks of a group. Every rank calls the same operations
 * in the same order with the same shapes, each from its own thread. Results are the same bits on
 * every rank, and those of a row do not depend on the other rows.
 *
 * <p>Every operation may wait for the other ranks, up to the group's deadline, and throws {@link
 * RankFailedException} once any rank has failed or missed it. A group that failed stays so.
 */
public interface Collective {

  /** This rank, from 0. */
  int rank();

  /** Ranks of the group. */
  int ranks();

  /**
   * Sums a tensor over the ranks, in the order of the ranks, to all of them.
   *
   * @param x (rows, width), each rank its own
   */
  void allReduce(Tensor x, int rows);

  /**
   * Puts the ranks' parts side by side, in the order of the ranks, on all of them.
   *
   * @param part (rows, width)
   * @param whole (rows, ranks * width)
   */
  void allGather(Tensor part, Tensor whole, int rows);

  /** Returns when every rank has come here. */
  void barrier();

  /** Fails the group with this rank's error; the first error stays. Never waits. */
  void poison(Throwable error);

  /**
   * {@link #allReduce} of x, then {@link Backend#addThenRmsNorm}: what follows a projection split
   * by its inputs. A device may do it in one pass.
   */
  default void allReduceThenAddRmsNorm(
      Backend backend,
      Tensor x,
      Tensor residual,
      Weight weight,
      float epsilon,
      Tensor y,
      int rows) {
    allReduce(x, rows);
    backend.addThenRmsNorm(x, residual, weight, epsilon, y, rows);
  }
}
