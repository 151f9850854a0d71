package dev.millrace.converter.weights;

/** A weight matrix {@code [outputs][inputs]} of a model. */
public interface Matrix {
  long outputs();

  long inputs();
}
