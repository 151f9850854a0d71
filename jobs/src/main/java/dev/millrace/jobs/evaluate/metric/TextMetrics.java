package dev.millrace.jobs.evaluate.metric;

import java.math.BigDecimal;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleBiFunction;

/**
 * Metrics that compare what was extracted with the accepted answers; several answers are averaged.
 */
final class TextMetrics {
  private TextMetrics() {}

  /** 1 if the normalised texts are equal. Default steps: {@code strip}. */
  static Metric exactMatch(Options options) {
    TextNormaliser normaliser = TextNormaliser.of(options.value("normalise", List.of("strip")));
    return new PerAnswer(
        "exact_match",
        (answer, target) -> normaliser.apply(answer).equals(normaliser.apply(target)) ? 1 : 0);
  }

  /** 1 if the numbers differ by at most {@code absolute} or {@code relative} times the target. */
  static Metric numeric(Options options) {
    double absolute = options.number("absolute", 0);
    double relative = options.number("relative", 0);
    return new PerAnswer(
        "numeric",
        (answer, target) -> {
          Double found = number(answer);
          Double expected = number(target);
          if (found == null || expected == null) {
            return 0;
          }
          double allowed = Math.max(absolute, relative * Math.abs(expected));
          return Math.abs(found - expected) <= allowed ? 1 : 0;
        });
  }

  private static Double number(String text) {
    String plain = text.strip().replace(",", "").replace("$", "");
    boolean share = plain.endsWith("%");
    try {
      double value =
          new BigDecimal(share ? plain.substring(0, plain.length() - 1) : plain).doubleValue();
      return share ? (Double) (value / 100) : (Double) value;
    } catch (NumberFormatException e) {
      return null; // no number: not equal to one
    }
  }

  /** F1 over words, normalised as SQuAD does (Rajpurkar et al. 2016, arXiv:1606.05250). */
  static Metric f1(Options options) {
    TextNormaliser normaliser =
        TextNormaliser.of(
            options.value("normalise", List.of("lower", "punctuation", "articles", "whitespace")));
    return new PerAnswer(
        "f1", (answer, target) -> f1(normaliser.apply(answer), normaliser.apply(target)));
  }

  private static double f1(String answer, String target) {
    List<String> found = words(answer);
    List<String> expected = words(target);
    if (found.isEmpty() || expected.isEmpty()) {
      return found.isEmpty() && expected.isEmpty() ? 1 : 0;
    }
    Map<String, Integer> left = new HashMap<>();
    expected.forEach(word -> left.merge(word, 1, Integer::sum));
    int common = 0;
    for (String word : found) {
      Integer count = left.get(word);
      if (count != null && count > 0) {
        left.put(word, count - 1);
        common++;
      }
    }
    if (common == 0) {
      return 0;
    }
    double precision = (double) common / found.size();
    double recall = (double) common / expected.size();
    return 2 * precision * recall / (precision + recall);
  }

  private static List<String> words(String text) {
    return text.isEmpty() ? List.of() : List.of(text.split(" ", -1));
  }

  /** The best value over all accepted answers, averaged over the sample's answers. */
  private record PerAnswer(String name, ToDoubleBiFunction<String, String> compare)
      implements Metric {
    @Override
    public List<Figure> figures() {
      return List.of(Figure.mean(name));
    }

    @Override
    public Values judge(JudgedSample sample) {
      double sum = 0;
      for (String answer : sample.extracted()) {
        double best = 0;
        if (answer != null) {
          for (String target : sample.accepted()) {
            best = Math.max(best, compare.applyAsDouble(answer, target));
          }
        }
        sum += best;
      }
      return Values.of(name, sample.extracted().isEmpty() ? 0 : sum / sample.extracted().size());
    }
  }
}
