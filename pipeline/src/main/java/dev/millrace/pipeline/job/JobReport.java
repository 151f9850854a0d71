package dev.millrace.pipeline.job;

import dev.millrace.api.engine.EngineInfo;
import dev.millrace.api.engine.EngineStatistics;
import dev.millrace.api.request.FailureReason;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * What became of a job whose output is complete. Counts are of the whole job, earlier runs
 * included; seconds are of this run. {@code rows = completed + failed} always holds.
 *
 * @param rows rows in
 * @param completed rows with an answer
 * @param failures rows without, by reason
 * @param requests distinct requests computed
 * @param duplicates rows that took the answer of an identical request
 * @param resumedRequests requests that an earlier run had computed
 * @param promptTokens prompt tokens of the distinct requests
 * @param cachedTokens those served from the prefix cache
 * @param outputTokens tokens generated
 * @param seconds where the time of this run went; a stage that was skipped took next to none
 * @param files output files, in input order
 * @param output the output folder
 * @param allowedFailures share of failures that was allowed
 * @param plan what was known after the stage
 * @param engine the engine that ran, or null if there was nothing left to compute
 * @param statistics its counters, or null
 */
public record JobReport(
    long rows,
    long completed,
    Map<FailureReason, Long> failures,
    long requests,
    long duplicates,
    long resumedRequests,
    long promptTokens,
    long cachedTokens,
    long outputTokens,
    Seconds seconds,
    List<OutputFile> files,
    String output,
    double allowedFailures,
    StagePlan plan,
    EngineInfo engine,
    EngineStatistics statistics) {

  public JobReport {
    files = List.copyOf(files);
    EnumMap<FailureReason, Long> copy = new EnumMap<>(FailureReason.class);
    copy.putAll(failures);
    failures = Collections.unmodifiableMap(copy);
    long failed = failures.values().stream().mapToLong(Long::longValue).sum();
    if (rows != completed + failed) {
      throw new JobException(
          ExitCode.INTERNAL,
          "expected rows in = completed + failed, found "
              + rows
              + " != "
              + completed
              + " + "
              + failed
              + " (output="
              + output
              + "); please report this");
    }
  }

  public long failed() {
    return rows - completed;
  }

  /** Whether no more rows failed than allowed. */
  public boolean withinAllowedFailures() {
    return failed() <= allowedFailures * rows;
  }

  public ExitCode exitCode() {
    return withinAllowedFailures() ? ExitCode.DONE : ExitCode.TOO_MANY_FAILURES;
  }

  /**
   * Seconds of this run.
   *
   * @param stage read, render, tokenise, order
   * @param load opening the engine
   * @param generate computing
   * @param assemble writing the output
   * @param total wall clock of the whole run
   */
  public record Seconds(
      double stage, double load, double generate, double assemble, double total) {}

  /**
   * One output file.
   *
   * @param name relative to the output folder
   * @param rows its rows
   * @param failures those without an answer
   * @param bytes its size
   * @param sha256 of its bytes, lower-case hexadecimal
   * @param failuresName the file of its failed rows, relative to the output folder, or null if none
   *     failed
   */
  public record OutputFile(
      String name, long rows, long failures, long bytes, String sha256, String failuresName) {}
}
