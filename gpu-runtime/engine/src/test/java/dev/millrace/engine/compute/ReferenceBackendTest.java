package dev.millrace.engine.compute;

final class ReferenceBackendTest extends BackendContractTest {

  @Override
  public BackendFactory factory() {
    return new ReferenceBackendFactory();
  }
}
