package dev.millrace.engine.schedule;

/**
 * Hears what the steps gave a sequence; called between steps, on the scheduler's thread. The arrays
 * are the listener's to keep.
 */
public interface SequenceListener {

  /**
   * A token was drawn.
   *
   * @return whether the sequence ends with it
   */
  boolean drawn(int tokenId, float logprob, int[] topTokenIds, float[] topLogprobs);

  /**
   * A token that was given has been scored. Positions come in ascending order, each once.
   *
   * @param position the token's position in the sequence
   */
  void scored(int position, float logprob, int[] topTokenIds, float[] topLogprobs);

  /** A sequence that draws nothing has all its scores and is over. */
  void scoringEnded();

  /** The logits are not numbers, or every token is banned: the sequence is over. */
  void undrawable();
}
