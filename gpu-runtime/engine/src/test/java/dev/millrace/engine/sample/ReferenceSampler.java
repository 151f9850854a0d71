package dev.millrace.engine.sample;

import java.util.Comparator;
import java.util.stream.IntStream;

/** The settings' definition, word for word, in double and with a full sort: the oracle. */
final class ReferenceSampler {
  private ReferenceSampler() {}

  /** Token ids, most likely first, lowest id first among equals. */
  static int[] ranked(double[] logits) {
    return IntStream.range(0, logits.length)
        .boxed()
        .sorted(Comparator.comparingDouble((Integer id) -> -logits[id]).thenComparingInt(id -> id))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  /** The probability of each token after temperature, top-k, top-p and min-p, in this order. */
  static double[] distribution(
      float[] row, double temperature, int topK, double topP, double minP) {
    double[] weights = new double[row.length];
    double[] logits = new double[row.length];
    double max = Double.NEGATIVE_INFINITY;
    for (float x : row) {
      max = Math.max(max, x);
    }
    for (int id = 0; id < row.length; id++) {
      logits[id] = row[id];
      weights[id] = Math.exp((row[id] - max) / temperature);
    }
    int[] ranked = ranked(logits);
    int kept = topK == 0 ? row.length : Math.min(topK, row.length);
    double total = 0;
    for (int rank = 0; rank < kept; rank++) {
      total += weights[ranked[rank]];
    }
    double mass = 0;
    int nucleus = 0;
    while (nucleus < kept && mass < topP * total) {
      mass += weights[ranked[nucleus++]];
    }
    kept = topP == 1 ? kept : nucleus;
    double[] probabilities = new double[row.length];
    double sum = 0;
    for (int rank = 0; rank < kept; rank++) {
      if (weights[ranked[rank]] >= minP) {
        probabilities[ranked[rank]] = weights[ranked[rank]];
        sum += weights[ranked[rank]];
      }
    }
    for (int id = 0; id < row.length; id++) {
      probabilities[id] /= sum;
    }
    return probabilities;
  }

  /** The token at this share of the distribution in order of id. */
  static int pick(double[] probabilities, double share) {
    double left = share;
    int last = -1;
    for (int id = 0; id < probabilities.length; id++) {
      if (probabilities[id] > 0) {
        last = id;
        left -= probabilities[id];
        if (left < 0) {
          break;
        }
      }
    }
    return last;
  }
}
