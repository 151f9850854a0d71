package dev.millrace.jobs.evaluate.metric;

import dev.millrace.jobs.evaluate.result.ChoiceScore;
import java.util.List;
import java.util.Locale;

/**
 * Whether the right choice has the best score; of equal ones the first counts, as lm-evaluation-
 * harness does.
 */
public enum ChoiceMetric implements Metric {
  /** By log-likelihood. */
  ACC,
  /** By log-likelihood per character. */
  ACC_NORM,
  /** By log-likelihood per byte. */
  ACC_BYTES,
  /** By log-likelihood per token. */
  ACC_TOKENS;

  private double score(ChoiceScore choice) {
    int units =
        switch (this) {
          case ACC -> 1;
          case ACC_NORM -> choice.characters();
          case ACC_BYTES -> choice.bytes();
          case ACC_TOKENS -> choice.tokens();
        };
    return choice.logLikelihood() / Math.max(1, units);
  }

  String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The choice with the best score. */
  public int best(List<ChoiceScore> choices) {
    int best = 0;
    for (int i = 1; i < choices.size(); i++) {
      if (score(choices.get(i)) > score(choices.get(best))) {
        best = i;
      }
    }
    return best;
  }

  @Override
  public List<Figure> figures() {
    return List.of(Figure.mean(word()));
  }

  @Override
  public Values judge(JudgedSample sample) {
    return Values.of(word(), best(sample.choices()) == sample.targetIndex() ? 1 : 0);
  }
}
