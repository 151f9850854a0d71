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
    String host = spec.text(JobOption.ENGINE_HOST);
    boolean ownProcess = host.equals("process") || (onFlink && host.equals("auto"));
    if (!onFlink) {
      refuse(
          spec,
          List.of(JobOption.FLINK_MASTER, JobOption.PARALLELISM),
          "--runner flink",
          "the direct runner");
    }
    if (!ownProcess) {
      refuse(
          spec,
          List.of(JobOption.ENGINE_JVM, JobOption.ENGINE_LINGER, JobOption.REPLICAS),
          "--engine-host process",
          "an engine in the " + (onFlink ? "worker's" : "program's") + " own JVM");
    }
    return new Placement(
        onFlink ? Optional.of(flink(spec)) : Optional.empty(), ownProcess, host(spec));
  }

  /** Options that would do nothing. */
  private static void refuse(JobSpec spec, List<JobOption> options, String expected, String found) {
    for (JobOption option : options) {
      if (spec.isChanged(option)) {
        throw CommandException.usage(
            option.flag() + ": expected " + expected + " with it, found " + found,
            "Add " + expected + ", or drop " + option.flag() + ".");
      }
    }
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
