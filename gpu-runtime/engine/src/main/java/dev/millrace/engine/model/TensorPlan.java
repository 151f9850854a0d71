package dev.millrace.engine.model;

import dev.millrace.engine.compute.Backend;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.DType;
import dev.millrace.engine.compute.MemoryPurpose;
import dev.millrace.engine.compute.Tensor;

/** A tensor that a rank takes at start: counted by the plan, then allocated, from one record. */
record TensorPlan(MemoryPurpose purpose, String name, DType type, int rows, int width) {

  long bytes(BackendFactory backends) {
    return backends.tensorBytes(type, rows, width);
  }

  Tensor allocate(Backend backend) {
    return backend.allocate(purpose, name, type, rows, width);
  }
}
