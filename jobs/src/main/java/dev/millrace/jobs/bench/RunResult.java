package dev.millrace.jobs.bench;

/**
 * One run of a workload.
 *
 * @param startNanos when the first row was submitted, in {@link System#nanoTime}
 * @param endNanos when the last completion was there
 * @param cachedTokens prompt tokens that came from the prefix cache
 * @param digest names all answers
 */
record RunResult(long startNanos, long endNanos, long cachedTokens, String digest) {

  double seconds() {
    return (endNanos - startNanos) / 1e9;
  }
}
