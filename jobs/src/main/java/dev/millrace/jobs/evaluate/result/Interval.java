package dev.millrace.jobs.evaluate.result;

/**
 * A closed interval of scores or of changes of scores.
 *
 * @param low lower bound
 * @param high upper bound, at least {@code low}
 */
public record Interval(double low, double high) {
  public Interval {
    if (!(low <= high)) {
      throw new IllegalArgumentException(
          "expected low at most high, found " + low + " and " + high);
    }
  }
}
