package dev.millrace.pipeline;

import dev.millrace.pipeline.job.JobException;
import java.nio.file.Path;

/** A job in a process of its own, to be killed. Arguments: input, output, engine's nanoseconds. */
final class KilledJobMain {
  private KilledJobMain() {}

  public static void main(String[] args) {
    try {
      BatchJob.of(
              Jobs.settings(Path.of(args[0]), Path.of(args[1]))
                  .withChunkRows(100)
                  .withAllowedFailures(1),
              ScriptedEngineFactory.named("killed").withRequestNanos(Long.parseLong(args[2])))
          .run();
    } catch (JobException e) {
      System.err.println(e.getMessage());
      System.exit(e.exitCode().code());
    }
  }
}
