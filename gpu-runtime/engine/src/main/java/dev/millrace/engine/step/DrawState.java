package dev.millrace.engine.step;

import java.util.Map;

/**
 * The settings of one choice's draws, in the model's own terms (token ids), and the tokens it has
 * seen. The scheduler appends to the output between steps, never during one.
 */
public final class DrawState {
  public final double temperature;
  public final int topK;
  public final double topP;
  public final double minP;
  public final double repetitionPenalty;
  public final double presencePenalty;
  public final double frequencyPenalty;
  public final Map<Integer, Double> logitBias;

  /** Token sequences that may not be completed; those of one token may never be drawn. */
  public final int[][] badWords;

  /** Stop and end tokens, banned while {@link LogitTask.Draw#banEndTokens()}. */
  public final int[] endTokenIds;

  public final long seed;
  private final int[] promptTokenIds;
  private int[] outputTokenIds = new int[16];
  private int outputTokens;

  public DrawState(
      double temperature,
      int topK,
      double topP,
      double minP,
      double repetitionPenalty,
      double presencePenalty,
      double frequencyPenalty,
      Map<Integer, Double> logitBias,
      int[][] badWords,
      int[] endTokenIds,
      long seed,
      int[] promptTokenIds) {
    this.temperature = temperature;
    this.topK = topK;
    this.topP = topP;
    this.minP = minP;
    this.repetitionPenalty = repetitionPenalty;
    this.presencePenalty = presencePenalty;
    this.frequencyPenalty = frequencyPenalty;
    this.logitBias = Map.copyOf(logitBias);
    this.badWords = badWords;
    this.endTokenIds = endTokenIds;
    this.seed = seed;
    this.promptTokenIds = promptTokenIds;
  }

  /** Whether the next draw depends on tokens drawn before, other than through the model. */
  public boolean looksBack() {
    if (repetitionPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0) {
      return true;
    }
    for (int[] word : badWords) {
      if (word.length > 1) {
        return true;
      }
    }
    return false;
  }

  public int promptTokens() {
    return promptTokenIds.length;
  }

  public int promptTokenId(int index) {
    return promptTokenIds[index];
  }

  public int outputTokens() {
    return outputTokens;
  }

  public int outputTokenId(int index) {
    return outputTokenIds[index];
  }

  public void append(int tokenId) {
    if (outputTokens == outputTokenIds.length) {
      outputTokenIds = java.util.Arrays.copyOf(outputTokenIds, outputTokens * 2);
    }
    outputTokenIds[outputTokens++] = tokenId;
  }

  /** A copy of the tokens drawn so far. */
  public int[] outputTokenIds() {
    return java.util.Arrays.copyOf(outputTokenIds, outputTokens);
  }
}
