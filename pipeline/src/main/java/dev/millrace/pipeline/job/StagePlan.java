package dev.millrace.pipeline.job;

import dev.millrace.api.request.FailureReason;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * What a job knows once every prompt is tokenised, before an engine is opened: the content of a dry
 * run.
 *
 * @param files input files in the order they are read
 * @param rows rows read
 * @param failures rows that failed already, by reason
 * @param requests distinct requests to compute
 * @param duplicates rows that take the answer of an identical deterministic request
 * @param chunks units of work
 * @param promptTokens prompt tokens of the distinct requests
 * @param sharedPrefixTokens those of them that the prefix cache can serve in the order chosen:
 *     whole blocks of {@value #PREFIX_BLOCK_TOKENS} tokens shared with the request before
 * @param outputTokensMax most tokens that can come out, over all choices
 * @param longestRequestTokens the largest prompt plus one answer's {@code max_tokens}
 * @param contextTokensMax most tokens the model takes, prompt and output together
 * @param promptLengths distribution of the prompt lengths of the distinct requests
 * @param resumed whether an earlier run had staged all this
 */
public record StagePlan(
    List<InputFile> files,
    long rows,
    Map<FailureReason, Long> failures,
    long requests,
    long duplicates,
    int chunks,
    long promptTokens,
    long sharedPrefixTokens,
    long outputTokensMax,
    int longestRequestTokens,
    int contextTokensMax,
    Distribution promptLengths,
    boolean resumed) {

  /** Tokens per block of the prefix cache: only whole blocks are shared. */
  public static final int PREFIX_BLOCK_TOKENS = 64;

  public StagePlan {
    files = List.copyOf(files);
    EnumMap<FailureReason, Long> copy = new EnumMap<>(FailureReason.class);
    copy.putAll(failures);
    failures = Collections.unmodifiableMap(copy);
  }

  /** Rows that failed while they were read, rendered or tokenised. */
  public long failedRows() {
    return failures.values().stream().mapToLong(Long::longValue).sum();
  }

  /**
   * One input file.
   *
   * @param name relative name, also the name of its output file (but for the extension)
   * @param location where it lies
   * @param format for example {@code parquet}
   * @param bytes its size
   * @param rows its rows, those that failed included
   */
  public record InputFile(String name, String location, String format, long bytes, long rows) {}

  /**
   * Lengths in tokens; percentiles are exact.
   *
   * @param minimum the shortest, 0 if there is none
   * @param median half are at most this long
   * @param percentile90 nine in ten are at most this long
   * @param percentile99 99 in 100 are at most this long
   * @param maximum the longest
   */
  public record Distribution(
      int minimum, int median, int percentile90, int percentile99, int maximum) {}
}
