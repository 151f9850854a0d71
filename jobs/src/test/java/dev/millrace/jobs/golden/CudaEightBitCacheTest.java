package dev.millrace.jobs.golden;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.cuda.CudaExecutor;
import dev.millrace.cuda.Gpu;
import dev.millrace.engine.step.StepExecutor;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;

@Tag("gpu")
final class CudaEightBitCacheTest extends EightBitCacheTest {
  @BeforeEach
  void needsGpu() {
    Gpu.require();
  }

  @Override
  StepExecutor open(Workspace workspace, EngineSettings settings) {
    return CudaExecutor.open(workspace, settings, Gpu.devices(1));
  }
}
