package dev.millrace.pipeline.job;

import dev.millrace.api.request.SamplingSettings;
import java.io.Serializable;
import java.util.List;
import java.util.Objects;

/**
 * What a job is to do. Start from {@link #of} and change what differs.
 *
 * @param inputs files, folders and globs, local or of any file system Beam knows; at least one
 * @param columns which columns mean what
 * @param systemPrompt put before a {@code prompt} column's user turn, and before conversations that
 *     have no system turn of their own; null for none
 * @param rawPrompt tokenise {@code prompt} as it stands, without the chat template; not with a
 *     system prompt
 * @param sampling settings of every row that does not override them
 * @param limit take only the first so many rows; 0 takes all
 * @param output where results go
 * @param chunkRows distinct requests per chunk, 1 to 4096: the unit that is committed
 * @param allowedFailures share of rows that may fail, 0 to 1, before the job counts as failed
 * @param resume continue what the output folder holds; false throws that work away first
 * @param workers threads that render and tokenise, and that write; 0 takes all cores
 * @param beamArguments options for Beam, for example {@code --runner=DirectRunner}
 */
public record JobSettings(
    List<String> inputs,
    ColumnSettings columns,
    String systemPrompt,
    boolean rawPrompt,
    SamplingSettings sampling,
    long limit,
    OutputSettings output,
    int chunkRows,
    double allowedFailures,
    boolean resume,
    int workers,
    List<String> beamArguments)
    implements Serializable {

  /** Most distinct requests in a chunk. */
  public static final int CHUNK_ROWS_MAX = 4096;

  public JobSettings {
    inputs = List.copyOf(inputs);
    beamArguments = List.copyOf(beamArguments);
    Objects.requireNonNull(columns, "columns");
    Objects.requireNonNull(sampling, "sampling");
    Objects.requireNonNull(output, "output");
    require(
        !rawPrompt || systemPrompt == null,
        "system_prompt",
        "none beside raw_prompt, which leaves out the template that would place it",
        "both");
    require(!inputs.isEmpty(), "inputs", "at least one file, folder or glob", "none");
    require(limit >= 0, "limit", "0 (all) or more", limit);
    require(
        chunkRows >= 1 && chunkRows <= CHUNK_ROWS_MAX,
        "chunkRows",
        "1 to " + CHUNK_ROWS_MAX,
        chunkRows);
    require(
        allowedFailures >= 0 && allowedFailures <= 1,
        "allowedFailures",
        "a share from 0 to 1",
        allowedFailures);
    require(workers >= 0, "workers", "0 (all cores) or more", workers);
  }

  private static void require(boolean holds, String field, String expected, Object found) {
    if (!holds) {
      throw new InvalidInputException(
          field + ": expected " + expected + ", found " + found + "; correct it");
    }
  }

  /** All rows, greedy, columns found by name, no failure allowed, resume on. */
  public static JobSettings of(List<String> inputs, OutputSettings output) {
    return new JobSettings(
        inputs,
        ColumnSettings.automatic(),
        null,
        false,
        SamplingSettings.greedy(),
        0,
        output,
        2048,
        0,
        true,
        0,
        List.of());
  }

  public JobSettings withColumns(ColumnSettings value) {
    return copy(value, systemPrompt, rawPrompt, sampling, limit, output, resume);
  }

  public JobSettings withSystemPrompt(String value) {
    return copy(columns, value, rawPrompt, sampling, limit, output, resume);
  }

  public JobSettings withRawPrompt(boolean value) {
    return copy(columns, systemPrompt, value, sampling, limit, output, resume);
  }

  public JobSettings withSampling(SamplingSettings value) {
    return copy(columns, systemPrompt, rawPrompt, value, limit, output, resume);
  }

  public JobSettings withLimit(long value) {
    return copy(columns, systemPrompt, rawPrompt, sampling, value, output, resume);
  }

  public JobSettings withOutput(OutputSettings value) {
    return copy(columns, systemPrompt, rawPrompt, sampling, limit, value, resume);
  }

  public JobSettings withResume(boolean value) {
    return copy(columns, systemPrompt, rawPrompt, sampling, limit, output, value);
  }

  private JobSettings copy(
      ColumnSettings newColumns,
      String newSystemPrompt,
      boolean newRawPrompt,
      SamplingSettings newSampling,
      long newLimit,
      OutputSettings newOutput,
      boolean newResume) {
    return new JobSettings(
        inputs,
        newColumns,
        newSystemPrompt,
        newRawPrompt,
        newSampling,
        newLimit,
        newOutput,
        chunkRows,
        allowedFailures,
        newResume,
        workers,
        beamArguments);
  }

  public JobSettings withChunkRows(int value) {
    return run(value, allowedFailures, workers, beamArguments);
  }

  public JobSettings withAllowedFailures(double value) {
    return run(chunkRows, value, workers, beamArguments);
  }

  public JobSettings withWorkers(int value) {
    return run(chunkRows, allowedFailures, value, beamArguments);
  }

  public JobSettings withBeamArguments(List<String> value) {
    return run(chunkRows, allowedFailures, workers, value);
  }

  private JobSettings run(
      int newChunkRows, double newAllowedFailures, int newWorkers, List<String> newArguments) {
    return new JobSettings(
        inputs,
        columns,
        systemPrompt,
        rawPrompt,
        sampling,
        limit,
        output,
        newChunkRows,
        newAllowedFailures,
        resume,
        newWorkers,
        newArguments);
  }
}
