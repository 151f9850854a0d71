package dev.millrace.engine.compute;

import java.util.Objects;

/**
 * The largest step a backend will see: what it sizes its working memory by.
 *
 * @param tokensMax tokens of a step
 * @param sequencesMax sequences of a step
 * @param contextTokensMax tokens of a sequence
 * @param logitRowsMax rows of logits computed at once
 * @param inputsMax elements of the widest row any verb reads: logits, which are only written, left
 *     out
 * @param heads attention heads of the rank
 */
public record StepLimits(
    int tokensMax,
    int sequencesMax,
    int contextTokensMax,
    int logitRowsMax,
    int inputsMax,
    HeadLayout heads) {

  public StepLimits {
    Objects.requireNonNull(heads, "heads");
    if (tokensMax < 1
        || sequencesMax < 1
        || contextTokensMax < 1
        || logitRowsMax < 1
        || inputsMax < 1) {
      throw new IllegalArgumentException(
          "step limits: expected at least 1 each, found tokens %d, sequences %d, context %d, logit rows %d, inputs %d"
              .formatted(tokensMax, sequencesMax, contextTokensMax, logitRowsMax, inputsMax));
    }
  }
}
