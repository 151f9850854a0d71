package dev.millrace.engine.compute;

/** A read-only matrix or vector of the model, in the layout it was uploaded in. */
public interface Weight extends Allocation {

  WeightShape shape();
}
