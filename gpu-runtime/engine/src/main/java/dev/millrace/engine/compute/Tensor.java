package dev.millrace.engine.compute;

/**
 * A matrix that steps write: row-major, the last dimension contiguous, one row a token. Allocated
 * once at start for the most rows a step can have; every verb takes the number of leading rows it
 * works on, so that a step allocates nothing.
 */
public interface Tensor extends Allocation {

  DType type();

  /** Rows allocated. */
  int rows();

  /** Elements of a row. */
  int width();
}
