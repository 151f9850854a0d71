package dev.millrace.engine.sample;

import dev.millrace.engine.step.DrawState;
import dev.millrace.engine.step.LogitTask;
import java.util.Map;

/**
 * Changes a row of logits as the settings of a choice ask: logit bias, bad words and end tokens,
 * then penalties. Banned tokens get negative infinity.
 */
final class LogitAdjuster {
  /** A bias of plus infinity becomes this, so that differences of logits stay numbers. */
  private static final float BIAS_MAX = 1e30f;

  private final int vocabularySize;
  private int[] seenAt; // round in which a token was last counted; // (vocabulary)
  private int[] outputCounts; // valid where seenAt is this round; // (vocabulary)
  private int round;

  LogitAdjuster(int vocabularySize) {
    this.vocabularySize = vocabularySize;
  }

  static boolean isNeeded(LogitTask.Draw task) {
    DrawState draw = task.draw();
    return !draw.logitBias.isEmpty()
        || draw.badWords.length > 0
        || (task.banEndTokens() && draw.endTokenIds.length > 0)
        || hasPenalties(draw);
  }

  private static boolean hasPenalties(DrawState draw) {
    return draw.repetitionPenalty != 1 || draw.presencePenalty != 0 || draw.frequencyPenalty != 0;
  }

  /** Changes the row, which starts at index 0. */
  void adjust(float[] row, LogitTask.Draw task) {
    DrawState draw = task.draw();
    for (Map.Entry<Integer, Double> bias : draw.logitBias.entrySet()) {
      row[bias.getKey()] += Math.min(bias.getValue().floatValue(), BIAS_MAX);
    }
    for (int[] word : draw.badWords) {
      if (endsBefore(draw, word)) {
        row[word[word.length - 1]] = Float.NEGATIVE_INFINITY;
      }
    }
    if (task.banEndTokens()) {
      for (int tokenId : draw.endTokenIds) {
        row[tokenId] = Float.NEGATIVE_INFINITY;
      }
    }
    if (hasPenalties(draw)) {
      penalise(row, draw);
    }
  }

  /** Whether the output ends with all of the word but its last token. */
  private static boolean endsBefore(DrawState draw, int[] word) {
    int start = draw.outputTokens() - (word.length - 1);
    if (word.length == 0 || start < 0) {
      return false;
    }
    for (int i = 0; i < word.length - 1; i++) {
      if (draw.outputTokenId(start + i) != word[i]) {
        return false;
      }
    }
    return true;
  }

  private void penalise(float[] row, DrawState draw) {
    if (seenAt == null) {
      seenAt = new int[vocabularySize];
      outputCounts = new int[vocabularySize];
    }
    round++;
    for (int i = 0; i < draw.outputTokens(); i++) {
      int tokenId = draw.outputTokenId(i);
      outputCounts[tokenId] = seenAt[tokenId] == round ? outputCounts[tokenId] + 1 : 1;
      seenAt[tokenId] = round;
    }
    for (int i = 0; i < draw.outputTokens(); i++) {
      int tokenId = draw.outputTokenId(i);
      int count = outputCounts[tokenId];
      if (count > 0) { // the first time this token comes by
        float repeated = repeat(row[tokenId], draw.repetitionPenalty);
        row[tokenId] = (float) (repeated - draw.presencePenalty - draw.frequencyPenalty * count);
        outputCounts[tokenId] = 0;
      }
    }
    if (draw.repetitionPenalty != 1) {
      for (int i = 0; i < draw.promptTokens(); i++) {
        int tokenId = draw.promptTokenId(i);
        if (seenAt[tokenId] != round) {
          seenAt[tokenId] = round;
          row[tokenId] = repeat(row[tokenId], draw.repetitionPenalty);
        }
      }
    }
  }

  private static float repeat(float logit, double penalty) {
    return (float) (logit > 0 ? logit / penalty : logit * penalty);
  }
}
