package dev.millrace.jobs.run;

import dev.millrace.jobs.outcome.CommandException;
import dev.millrace.jobs.outcome.ExitCode;
import dev.millrace.pipeline.flink.FlinkSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The part of the distribution that only Flink needs: {@code flink/lib}, which the launcher puts on
 * the class path when Flink is asked for, and {@code flink/millrace-cluster.jar}, which travels to
 * the workers.
 */
final class FlinkLibraries {
  private static final String RUNNER = "org/apache/beam/runners/flink/FlinkRunner.class";

  /** Set by the launcher. */
  private static final String JAR_PROPERTY = "millrace.cluster.jar";

  /** The settings with the jar that workers need. */
  FlinkSettings stagedFor(FlinkSettings settings) {
    if (FlinkLibraries.class.getClassLoader().getResource(RUNNER) == null) {
      throw new CommandException(
          ExitCode.USAGE,
          "Expected Flink's libraries on the class path, found none",
          "Start the job by bin/run-job of a distribution with the folder flink, and name the"
              + " runner on the command line: --runner flink.");
    }
    if (settings.isOfThisProcess()) {
      return settings; // workers are in this process, or were started with its jar
    }
    String jar = System.getProperty(JAR_PROPERTY);
    if (jar == null || !Files.isRegularFile(Path.of(jar))) {
      throw new CommandException(
          ExitCode.USAGE,
          "Expected the jar for the cluster's workers, found "
              + (jar == null ? "none named" : "nothing at " + jar),
          "Start the job by bin/run-job of a distribution with the folder flink, or name the jar"
              + " in JAVA_OPTS: -D"
              + JAR_PROPERTY
              + "=PATH.");
    }
    return new FlinkSettings(settings.master(), settings.parallelism(), List.of(jar));
  }
}
