package dev.millrace.engine.compute;

import dev.millrace.engine.compute.kernel.KernelChoice;

final class CpuVectorBackendTest extends BackendContractTest {

  @Override
  public BackendFactory factory() {
    return new CpuBackendFactory(KernelChoice.VECTOR, 3);
  }
}
