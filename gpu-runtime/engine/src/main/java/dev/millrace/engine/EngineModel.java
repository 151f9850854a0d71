package dev.millrace.engine;

import java.util.List;
import java.util.Objects;

/**
 * What the engine has to know of a model.
 *
 * @param text its tokenizer and template
 * @param vocabularySize token ids that can be given and drawn: 0 to this, exclusive
 * @param endTokenIds tokens that end a choice, unless it ignores them; may be empty. A checkpoint
 *     may name some that its head has no logits for: those are left out
 * @param contextTokensMax most tokens of prompt and output together
 */
record EngineModel(
    EngineText text, int vocabularySize, List<Integer> endTokenIds, int contextTokensMax) {
  EngineModel {
    Objects.requireNonNull(text, "text");
    int tokens = vocabularySize;
    endTokenIds = endTokenIds.stream().filter(id -> id >= 0 && id < tokens).toList();
  }
}
