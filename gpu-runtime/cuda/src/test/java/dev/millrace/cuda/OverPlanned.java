package dev.millrace.cuda;

import dev.millrace.api.engine.EngineSettings;
import dev.millrace.api.workspace.Workspace;
import dev.millrace.engine.compute.BackendFactory;
import dev.millrace.engine.compute.ForwardingBackendFactory;
import dev.millrace.engine.model.RankedExecutor;
import dev.millrace.engine.rank.HeapCollective;
import java.time.Duration;

/** Backends on a GPU that plan with 1 TiB more than is free. */
final class OverPlanned extends ForwardingBackendFactory {
  private static final long MORE_BYTES = 1L << 40;

  private OverPlanned(BackendFactory real) {
    super(real);
  }

  /** Opens a model with a cache that was planned into memory that is not there. */
  static void open(Workspace workspace, BackendFactory real) {
    EngineSettings settings =
        new EngineSettings("cuda", 1, 8, 64, MORE_BYTES / 2, 0, true, 0, 20_000);
    RankedExecutor.open(
            workspace,
            settings,
            new OverPlanned(real),
            HeapCollective.group(1, Duration.ofSeconds(20)),
            (backend, collective, gathered) -> (first, rows, logits) -> {})
        .close();
  }

  @Override
  public long memoryAvailableBytes(int ranks) {
    return super.memoryAvailableBytes(ranks) + MORE_BYTES;
  }
}
