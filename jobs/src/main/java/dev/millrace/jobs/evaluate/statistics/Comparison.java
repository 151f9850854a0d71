package dev.millrace.jobs.evaluate.statistics;

/**
 * Two runs over the same rows.
 *
 * @param change score after minus score before; negative is worse
 * @param low lower bound of its 95 % interval
 * @param high upper bound
 * @param test what was used
 * @param pValue two-sided
 * @param detectableDrop smallest true drop found with probability 0.8 at level 0.05, NaN if none
 * @param better rows whose value rose
 * @param worse rows whose value fell
 */
public record Comparison(
    double change,
    double low,
    double high,
    Test test,
    double pValue,
    double detectableDrop,
    long better,
    long worse) {

  /** The tests there are. */
  public enum Test {
    MCNEMAR_EXACT("mcnemar-exact"),
    PAIRED_BOOTSTRAP("paired-bootstrap"),
    PAIRED_T("paired-t");

    private final String word;

    Test(String word) {
      this.word = word;
    }

    /** As results write it. */
    public String word() {
      return word;
    }
  }

  /**
   * Compares row by row: McNemar's exact test for independent values of 0 and 1, the paired
   * bootstrap for anything else; Student's paired test where there are too few clusters to draw
   * from.
   *
   * @param before values of the first run
   * @param after values of the second, of the same rows in the same order, with equal clusters
   * @param seed of the bootstrap's draws
   */
  public static Comparison of(Observations before, Observations after, long seed) {
    if (before.size() != after.size() || before.size() == 0) {
      throw new IllegalArgumentException(
          "expected the same rows, at least one, found " + before.size() + " and " + after.size());
    }
    long better = 0;
    long worse = 0;
    for (int i = 0; i < before.size(); i++) {
      double change = after.values()[i] - before.values()[i];
      better += change > 0 ? 1 : 0;
      worse += change < 0 ? 1 : 0;
    }
    if (before.isBinary() && after.isBinary() && !before.isClustered()) {
      return McNemar.compare(before.size(), better, worse);
    }
    return new PairedBootstrap(seed).compare(before, after, better, worse);
  }
}
