package dev.millrace.jobs.run;

import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.spec.JobOption;
import dev.millrace.jobs.spec.JobSpec;
import dev.millrace.pipeline.flink.FlinkSettings;
import dev.millrace.pipeline.host.HostSettings;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Reads from a spec where a job runs. */
final class PlacementComposer {
  private static final String FLINK = "flink";

  private PlacementComposer() {}

  static Placement compose(JobSpec spec) {
    boolean onFlink = spec.text(JobOption.RUNNER).equals(FLINK);
    for (JobOption option : List.of(JobOption.FLINK_MASTER, JobOption.PARALLELISM)) {
      if (!onFlink && spec.isGiven(option)) {
        throw CommandException.usage(
            option.flag() + ": expected --runner flink with it, found the direct runner",
            "Add --runner flink, or drop " + option.flag() + ".");
      }
    }
    String host = spec.text(JobOption.ENGINE_HOST);
    boolean ownProcess = host.equals("process") || (onFlink && host.equals("auto"));
    return new Placement(
        onFlink ? Optional.of(flink(spec)) : Optional.empty(), ownProcess, host(spec));
  }

  private static FlinkSettings flink(JobSpec spec) {
    String master = spec.text(JobOption.FLINK_MASTER);
    if (master == null) {
      throw CommandException.usage(
          "Expected a Flink cluster for --runner flink, found none",
          "Name its REST address, --flink-master HOST:PORT, or --flink-master local.");
    }
    return new FlinkSettings(master, spec.smallInteger(JobOption.PARALLELISM, 0), List.of());
  }

  private static HostSettings host(JobSpec spec) {
    return HostSettings.defaults()
        .withJvmOptions(spec.texts(JobOption.ENGINE_JVM))
        .withLinger(Duration.ofSeconds(spec.smallInteger(JobOption.ENGINE_LINGER, 0)))
        .withReplicas(spec.smallInteger(JobOption.REPLICAS, 0));
  }
}
