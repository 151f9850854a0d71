package dev.millrace.jobs;

import dev.millrace.jobs.console.Console;

/**
 * {@code run-job} as the main class of a Flink application: it runs within the JobManager, so it
 * returns when the job is done and throws when it is not. An exit would take the cluster down
 * before it can tell how the job ended.
 */
public final class ApplicationMain {
  private ApplicationMain() {}

  /**
   * Runs a job.
   *
   * @param arguments those of {@code run-job}, with {@code --runner flink --flink-master
   *     application} among them
   */
  public static void main(String[] arguments) {
    int exitCode = new Commands(Console.ofProcess(), new LocalEngines()).run("run-job", arguments);
    if (exitCode != 0) {
      throw new IllegalStateException("run-job ended with exit code " + exitCode);
    }
  }
}
