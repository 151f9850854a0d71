package dev.millrace.engine.text.split;

import dev.millrace.engine.text.taint.TaintedText;

/** Changes text before it is cut into words, keeping track of what came from data. */
@FunctionalInterface
public interface TextNormalizer {
  TaintedText apply(TaintedText text);

  default TextNormalizer then(TextNormalizer next) {
    return text -> next.apply(apply(text));
  }
}
