package dev.millrace.engine.compute;

/** Checks of what verbs are given; all failures are programming errors of the caller. */
final class Shapes {
  private Shapes() {}

  static void rows(String verb, int rows, Tensor x, int width) {
    if (rows < 0 || rows > x.rows() || x.width() != width) {
      throw new IllegalArgumentException(
          "%s: expected tensor %s of at least %d rows and width %d, found %d x %d"
              .formatted(verb, x.name(), rows, width, x.rows(), x.width()));
    }
  }

  static void matrix(String verb, Weight weight, long outputs, long inputs) {
    WeightShape shape = weight.shape();
    if (shape.outputs() != outputs || shape.inputs() != inputs) {
      throw new IllegalArgumentException(
          "%s: expected weight %s of %d outputs and %d inputs, found %d and %d"
              .formatted(verb, weight.name(), outputs, inputs, shape.outputs(), shape.inputs()));
    }
  }

  static void vector(String verb, Weight weight, long length) {
    matrix(verb, weight, 1, length);
  }
}
