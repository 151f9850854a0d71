package dev.millrace.pipeline.flink;

import dev.millrace.pipeline.job.InvalidInputException;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Where a job's chunks are computed.
 *
 * @param master {@code HOST:PORT} of a session cluster's REST interface, {@code local} for a
 *     cluster within this process, or {@code application} where this process is the JobManager of a
 *     cluster made for the job
 * @param parallelism slots to use; 0 takes all that the cluster has
 * @param jars what the workers need, staged with the job; empty if they have it already
 */
public record FlinkSettings(String master, int parallelism, List<String> jars) {
  /** The line of Flink that jobs are built for; another one does not understand them. */
  public static final String VERSION_LINE = "1.19";

  private static final String LOCAL = "local";
  private static final String APPLICATION = "application";
  private static final Pattern ADDRESS = Pattern.compile("[A-Za-z0-9._-]+:\\d{1,5}");

  public FlinkSettings {
    jars = List.copyOf(jars);
    if (!isOfThisProcess(master) && !ADDRESS.matcher(master).matches()) {
      throw new InvalidInputException(
          "flink master: expected HOST:PORT of a JobManager's REST interface, local or application, found "
              + master
              + "; for example 127.0.0.1:8081");
    }
    if (parallelism < 0) {
      throw new InvalidInputException(
          "parallelism: expected 0 (all slots) or more, found " + parallelism);
    }
  }

  private static boolean isOfThisProcess(String master) {
    return master.equals(LOCAL) || master.equals(APPLICATION);
  }

  /** Whether the cluster lives and dies with this process, and is not to be asked from outside. */
  public boolean isOfThisProcess() {
    return isOfThisProcess(master);
  }

  /** Whether its workers are in this process too. */
  public boolean isLocal() {
    return master.equals(LOCAL);
  }

  /** What Beam's runner calls it. */
  public String beamMaster() {
    return switch (master) {
      case LOCAL -> "[local]";
      case APPLICATION -> "[auto]";
      default -> master;
    };
  }

  public FlinkSettings withParallelism(int value) {
    return new FlinkSettings(master, value, jars);
  }
}
