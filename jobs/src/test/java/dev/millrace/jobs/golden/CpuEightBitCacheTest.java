package dev.millrace.jobs.golden;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.compute.CpuBackendFactory;
import dev.millrace.engine.model.GreedySampler;
import dev.millrace.engine.model.RankedExecutor;
import dev.millrace.engine.step.StepExecutor;

final class CpuEightBitCacheTest extends EightBitCacheTest {
  @Override
  StepExecutor open(Workspace workspace, EngineSettings settings) {
    int vocabulary = workspace.manifest().shape().vocabularySize();
    return RankedExecutor.openOnHost(
        workspace, settings, new CpuBackendFactory(), () -> new GreedySampler(vocabulary));
  }
}
