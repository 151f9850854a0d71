package dev.millrace.engine.text.split;

/** Cuts a piece of text into words. Immutable and thread-safe. */
@FunctionalInterface
public interface PreTokenizer {
  /**
   * Hands the words of {@code text[from, to)} to a sink.
   *
   * @param first whether the piece begins where the whole text begins
   */
  void split(char[] text, int from, int to, boolean first, WordSink words);

  /** The words of this one, cut further by another. */
  default PreTokenizer then(PreTokenizer next) {
    return (text, from, to, first, words) ->
        split(
            text,
            from,
            to,
            first,
            (piece, start, end) ->
                next.split(piece, start, end, first && start == from && piece == text, words));
  }
}
