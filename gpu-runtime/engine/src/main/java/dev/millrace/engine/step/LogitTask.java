package dev.millrace.engine.step;

/** What to do with the logits of one token of a step. */
public sealed interface LogitTask {

  /** The token of the step whose logits are meant: an index into {@link StepPlan#tokenIds}. */
  int tokenRow();

  /** Alternatives to report, best first; 0 for none. */
  int topLogprobs();

  /**
   * Draw the next token.
   *
   * @param draw how; holds the sequence's own history for penalties
   * @param drawIndex how many tokens this choice has drawn before: with the seed, the key of the
   *     random numbers, so that no draw depends on slot, batch or step
   * @param banEndTokens whether stop and end tokens may not be drawn yet ({@code minTokens})
   */
  record Draw(int tokenRow, int topLogprobs, DrawState draw, int drawIndex, boolean banEndTokens)
      implements LogitTask {}

  /** Report the log-probability of a given token (prompt log-probabilities, scoring). */
  record Score(int tokenRow, int topLogprobs, int targetTokenId) implements LogitTask {}
}
