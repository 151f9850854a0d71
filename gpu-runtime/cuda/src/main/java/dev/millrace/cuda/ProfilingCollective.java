package dev.millrace.cuda;

import dev.millrace.engine.compute.Tensor;
import dev.millrace.engine.rank.Collective;

/** A collective whose sums are timed with the verbs of its rank's {@link ProfilingBackend}. */
final class ProfilingCollective implements Collective {
  private final CudaBackendFactory backends;
  private final Collective collective;

  ProfilingCollective(CudaBackendFactory backends, Collective collective) {
    this.backends = backends;
    this.collective = collective;
  }

  @Override
  public int rank() {
    return collective.rank();
  }

  @Override
  public int ranks() {
    return collective.ranks();
  }

  @Override
  public void allReduce(Tensor x, int rows) {
    if (ranks() == 1) {
      collective.allReduce(x, rows);
      return;
    }
    backends.profiler(rank()).timed("all-reduce", () -> collective.allReduce(x, rows));
  }

  @Override
  public void allGather(Tensor part, Tensor whole, int rows) {
    collective.allGather(part, whole, rows);
  }

  @Override
  public void barrier() {
    collective.barrier();
  }

  @Override
  public void poison(Throwable error) {
    collective.poison(error);
  }
}
