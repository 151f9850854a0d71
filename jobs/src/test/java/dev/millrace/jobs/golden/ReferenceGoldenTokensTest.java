package dev.millrace.jobs.golden;

import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.ReferenceBackendFactory;

final class ReferenceGoldenTokensTest extends GoldenTokensTest {

  @Override
  BackendFactory backend() {
    return new ReferenceBackendFactory();
  }

  @Override
  int rows() {
    return 4;
  }
}
