package dev.millrace.engine.compute;

import java.util.Objects;

/**
 * The largest step a backend will see: what it sizes its working memory by.
 *
 * @param tokensMax tokens of a step
 * @param sequencesMax sequences of a step
 * @param contextTokensMax tokens of a sequence
 * @param logitRowsMax rows of logits computed at once
 * @param widthMax elements of the widest row any verb reads or writes, logits included
 * @param heads attention heads of the rank
 */
public record StepLimits(
    int tokensMax,
    int sequencesMax,
    int contextTokensMax,
    int logitRowsMax,
    int widthMax,
    HeadLayout heads) {

  public StepLimits {
    Objects.requireNonNull(heads, "heads");
    if (tokensMax < 1
        || sequencesMax < 1
        || contextTokensMax < 1
        || logitRowsMax < 1
        || widthMax < 1) {
      throw new IllegalArgumentException(
          "step limits: expected at least 1 each, found tokens %d, sequences %d, context %d, logit rows %d, width %d"
              .formatted(tokensMax, sequencesMax, contextTokensMax, logitRowsMax, widthMax));
    }
  }
}
