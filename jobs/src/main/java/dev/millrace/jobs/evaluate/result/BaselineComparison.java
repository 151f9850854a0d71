package dev.millrace.jobs.evaluate.result;

import java.util.Objects;

/**
 * A task against the accepted run, row by row. All changes are in the sense of the metric: {@code
 * tonight - baseline}, on the scale the test works on. That is the metric's own, but for
 * perplexities: there it is the mean log-likelihood per unit, so that up is better everywhere.
 *
 * @param nightId the accepted night
 * @param score the task's score in that night, over all its rows
 * @param pairedRows rows (averaged over repeats) that both nights scored with the same prompt and
 *     target
 * @param unpairedRows rows of either night that have no partner
 * @param change mean over the paired rows of tonight's value minus the baseline's; negative is
 *     worse
 * @param changeInterval 95 % interval of the change
 * @param test {@code mcnemar-exact} for 0/1 values, {@code paired-bootstrap} otherwise
 * @param pValue two-sided; chance of a change at least this large if nothing had changed
 * @param adjustedPValue after Holm's correction over all tasks of the night
 * @param detectableDrop smallest true drop that a comparison of this many rows finds with
 *     probability 0.8 at level 0.05; positive, on the scale of {@code change}; null with fewer than
 *     two pairs
 * @param better rows whose value rose
 * @param worse rows whose value fell
 */
public record BaselineComparison(
    String nightId,
    Double score,
    long pairedRows,
    long unpairedRows,
    double change,
    Interval changeInterval,
    String test,
    double pValue,
    double adjustedPValue,
    Double detectableDrop,
    long better,
    long worse) {
  public BaselineComparison {
    Objects.requireNonNull(nightId, "nightId");
    Objects.requireNonNull(test, "test");
  }

  public BaselineComparison withAdjustedPValue(double value) {
    return new BaselineComparison(
        nightId,
        score,
        pairedRows,
        unpairedRows,
        change,
        changeInterval,
        test,
        pValue,
        value,
        detectableDrop,
        better,
        worse);
  }
}
