package dev.millrace.jobs.golden;

import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.CpuBackendFactory;

final class CpuGoldenTokensTest extends GoldenTokensTest {

  @Override
  BackendFactory backend() {
    return new CpuBackendFactory();
  }

  @Override
  int rows() {
    return 200;
  }
}
