package dev.millrace.engine.compute.kernel;

/**
 * Where a row-major matrix lies in an array. Mutable, so that a step can point it elsewhere without
 * allocating; each worker has its own.
 */
public final class Matrix {
  float[] values = {};
  int start;
  int stride;

  /**
   * @param values holds the matrix
   * @param start index of its first element
   * @param stride elements from one row to the next
   */
  public Matrix set(float[] values, int start, int stride) {
    this.values = values;
    this.start = start;
    this.stride = stride;
    return this;
  }

  int row(int row) {
    return start + row * stride;
  }
}
