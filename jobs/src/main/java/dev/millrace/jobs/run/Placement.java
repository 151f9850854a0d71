package dev.millrace.jobs.run;

import dev.millrace.api.engine.EngineFactory;
import dev.millrace.pipeline.BatchJob;
import dev.millrace.pipeline.flink.FlinkSettings;
import dev.millrace.pipeline.host.HostSettings;
import dev.millrace.pipeline.host.ProcessEngineFactory;
import java.util.Objects;
import java.util.Optional;

/**
 * Where a job's chunks are computed, and in which process.
 *
 * @param flink the cluster; empty for the direct runner
 * @param ownProcess whether the engine has a process of its own
 * @param host how that process is run
 */
public record Placement(Optional<FlinkSettings> flink, boolean ownProcess, HostSettings host) {
  public Placement {
    Objects.requireNonNull(flink, "flink");
    Objects.requireNonNull(host, "host");
  }

  /** Whether engines run on other machines, or may. */
  boolean isElsewhere() {
    return flink.isPresent() && !flink.get().isLocal();
  }

  /** The factory that opens engines where they are to be. */
  EngineFactory place(EngineFactory factory) {
    return ownProcess ? new ProcessEngineFactory(factory, host) : factory;
  }

  /** The job on the runner that it is to have. */
  BatchJob place(BatchJob job, FlinkLibraries libraries) {
    return flink.map(cluster -> job.onFlink(libraries.stagedFor(cluster))).orElse(job);
  }
}
