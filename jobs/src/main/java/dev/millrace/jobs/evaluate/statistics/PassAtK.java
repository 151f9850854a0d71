package dev.millrace.jobs.evaluate.statistics;

/** The unbiased estimate of pass@k (Chen et al. 2021, arXiv:2107.03374). */
public final class PassAtK {
  private PassAtK() {}

  /**
   * Chance that at least one of k answers is right.
   *
   * @param answers how many were drawn
   * @param right how many of them are right
   * @param k at most {@code answers}
   */
  public static double of(int answers, int right, int k) {
    if (k < 1 || k > answers || right < 0 || right > answers) {
      throw new IllegalArgumentException(
          "expected k from 1 to answers and right up to it, found k="
              + k
              + ", answers="
              + answers
              + ", right="
              + right);
    }
    if (answers - right < k) {
      return 1;
    }
    double none = 1;
    for (int i = answers - right + 1; i <= answers; i++) {
      none *= 1 - (double) k / i;
    }
    return 1 - none;
  }
}
