package dev.millrace.jobs.evaluate.result;

import java.util.Objects;

/**
 * One metric over the rows of a task.
 *
 * @param name for example {@code exact_match}, {@code acc}, {@code acc_norm}, {@code
 *     word_perplexity}
 * @param higherIsBetter false for perplexities
 * @param score null if no row could be scored
 * @param standardError of the score; null where it cannot be estimated (fewer than two rows or
 *     clusters)
 * @param interval 95 % interval of the score, or null with {@code standardError}
 */
public record MetricValue(
    String name, boolean higherIsBetter, Double score, Double standardError, Interval interval) {
  public MetricValue {
    Objects.requireNonNull(name, "name");
  }
}
