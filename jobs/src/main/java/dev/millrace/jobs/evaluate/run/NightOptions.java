package dev.millrace.jobs.evaluate.run;

import java.nio.file.Path;
import java.util.Objects;

/**
 * How a night is to be run, beside what its spec says.
 *
 * @param output folder of all nights
 * @param reuse whether answers of earlier nights count
 * @param allowExecution whether metrics may run commands on what the model wrote
 * @param keepWork leave requests and job folders in place
 */
public record NightOptions(Path output, boolean reuse, boolean allowExecution, boolean keepWork) {
  public NightOptions {
    Objects.requireNonNull(output, "output");
  }
}
