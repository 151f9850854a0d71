package dev.millrace.cuda;

import dev.millrace.engine.step.DrawState;
import dev.millrace.engine.step.LogitTask;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Map;

/**
 * What the settings of a draw do to single logits, as {@code sample.cu} reads it: bias, bad words
 * and end tokens, then penalties. One edit a token, ascending. Reused draw after draw.
 */
final class LogitEdits {
  /** A bias of plus infinity becomes this, so that differences of logits stay numbers. */
  private static final float BIAS_MAX = 1e30f;

  private final int[] editOf; // edit of a token, valid where round is this one; // (vocabulary)
  private final int[] rounds; // (vocabulary)
  private int round;
  private int count;
  private int[] tokens = new int[64];
  private float[] biases = new float[64];
  private float[] repetitions = new float[64];
  private int[] outputs = new int[64];

  LogitEdits(int vocabulary) {
    editOf = new int[vocabulary];
    rounds = new int[vocabulary];
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

  /** Works out the edits of a draw. */
  void collect(LogitTask.Draw task) {
    round++;
    count = 0;
    DrawState draw = task.draw();
    for (Map.Entry<Integer, Double> bias : draw.logitBias.entrySet()) {
      biases[edit(bias.getKey())] += Math.min(bias.getValue().floatValue(), BIAS_MAX);
    }
    for (int[] word : draw.badWords) {
      if (endsBefore(draw, word)) {
        ban(word[word.length - 1]);
      }
    }
    if (task.banEndTokens()) {
      for (int tokenId : draw.endTokenIds) {
        ban(tokenId);
      }
    }
    if (hasPenalties(draw)) {
      for (int i = 0; i < draw.outputTokens(); i++) {
        int edit = edit(draw.outputTokenId(i));
        repetitions[edit] = (float) draw.repetitionPenalty;
        outputs[edit]++;
      }
      if (draw.repetitionPenalty != 1) {
        for (int i = 0; i < draw.promptTokens(); i++) {
          repetitions[edit(draw.promptTokenId(i))] = (float) draw.repetitionPenalty;
        }
      }
    }
  }

  private void ban(int token) {
    biases[edit(token)] = Float.NEGATIVE_INFINITY;
  }

  private int edit(int token) {
    if (rounds[token] == round) {
      return editOf[token];
    }
    if (count == tokens.length) {
      tokens = Arrays.copyOf(tokens, 2 * count);
      biases = Arrays.copyOf(biases, 2 * count);
      repetitions = Arrays.copyOf(repetitions, 2 * count);
      outputs = Arrays.copyOf(outputs, 2 * count);
    }
    rounds[token] = round;
    editOf[token] = count;
    tokens[count] = token;
    biases[count] = 0;
    repetitions[count] = 1;
    outputs[count] = 0;
    return count++;
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

  int count() {
    return count;
  }

  /** Writes the edits in the order of their tokens. */
  void write(DrawState draw, ByteBuffer memory, int at) {
    Arrays.sort(tokens, 0, count); // editOf still finds each token's numbers
    for (int i = 0; i < count; i++) {
      int edit = editOf[tokens[i]];
      double penalty =
          outputs[edit] == 0 ? 0 : draw.presencePenalty + draw.frequencyPenalty * outputs[edit];
      int start = at + TaskLayout.EDIT_BYTES * i;
      memory.putInt(start, tokens[i]);
      memory.putFloat(start + 4, biases[edit]);
      memory.putFloat(start + 8, repetitions[edit]);
      memory.putFloat(start + 12, (float) penalty);
    }
  }
}
