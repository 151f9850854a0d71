package dev.millrace.api.workspace;

/**
 * Sizes of a decoder as a whole.
 *
 * @param hiddenSize width of the residual stream
 * @param vocabularySize token ids the model knows: 0 to this, exclusive
 * @param vocabularyPadded rows of embedding and head; those past the vocabulary are zero and their
 *     ids are never drawn
 * @param contextTokensMax most tokens of prompt and output together
 * @param normEpsilon added to the mean square in every norm
 * @param tiedHead whether the embedding is also the head
 */
public record ModelShape(
    int hiddenSize,
    int vocabularySize,
    int vocabularyPadded,
    int contextTokensMax,
    double normEpsilon,
    boolean tiedHead) {
  public ModelShape {
    if (hiddenSize < 1 || vocabularySize < 1 || contextTokensMax < 1) {
      throw new IllegalArgumentException(
          "hiddenSize, vocabularySize, contextTokensMax: expected at least 1, found "
              + hiddenSize
              + ", "
              + vocabularySize
              + ", "
              + contextTokensMax);
    }
    if (vocabularyPadded < vocabularySize) {
      throw new IllegalArgumentException(
          "vocabularyPadded: expected at least " + vocabularySize + ", found " + vocabularyPadded);
    }
    if (!(normEpsilon >= 0 && normEpsilon < 1)) {
      throw new IllegalArgumentException("normEpsilon: expected 0 to 1, found " + normEpsilon);
    }
  }
}
