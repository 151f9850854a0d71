package dev.millrace.engine.compute;

import dev.millrace.engine.compute.kernel.KernelChoice;

final class CpuPlainBackendTest extends BackendContractTest {

  @Override
  public BackendFactory factory() {
    return new CpuBackendFactory(KernelChoice.PLAIN, 3);
  }
}
