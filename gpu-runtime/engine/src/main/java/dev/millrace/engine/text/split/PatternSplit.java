package dev.millrace.engine.text.split;

/**
 * Finds the matches of a pattern from left to right and cuts the text at them. A match of no
 * character is passed over, as everywhere in the tokenizers library it makes no word.
 */
final class PatternSplit implements PreTokenizer {
  private final SplitPattern pattern;
  private final SplitBehavior behavior;
  private final boolean invert;

  PatternSplit(SplitPattern pattern, SplitBehavior behavior, boolean invert) {
    this.pattern = pattern;
    this.behavior = behavior;
    this.invert = invert;
  }

  @Override
  public void split(char[] text, int from, int to, boolean first, WordSink words) {
    Cutter cutter = new Cutter(text, words);
    int done = from;
    int at = from;
    while (at < to) {
      int end = pattern.matchAt(text, at, to);
      if (end <= at) {
        at += Character.isHighSurrogate(text[at]) ? 2 : 1;
        continue;
      }
      if (done < at) {
        cutter.piece(done, at, invert);
      }
      cutter.piece(at, end, !invert);
      done = end;
      at = end;
    }
    if (done < to) {
      cutter.piece(done, to, invert);
    }
    cutter.finish();
  }

  /** Applies the behaviour to delimiters and the text between them; holds back an open word. */
  private final class Cutter {
    private final char[] text;
    private final WordSink words;
    private int openFrom = -1;
    private int openTo = -1;
    private boolean openIsDelimiter;

    Cutter(char[] text, WordSink words) {
      this.text = text;
      this.words = words;
    }

    void piece(int from, int to, boolean delimiter) {
      switch (behavior) {
        case ISOLATED -> words.accept(text, from, to);
        case REMOVED -> {
          if (!delimiter) {
            words.accept(text, from, to);
          }
        }
        case CONTIGUOUS -> extend(from, to, delimiter, openIsDelimiter == delimiter);
        case MERGED_WITH_PREVIOUS -> extend(from, to, delimiter, delimiter && !openIsDelimiter);
        case MERGED_WITH_NEXT -> extend(from, to, delimiter, openIsDelimiter && !delimiter);
      }
    }

    private void extend(int from, int to, boolean delimiter, boolean joins) {
      if (openFrom >= 0 && !joins) {
        words.accept(text, openFrom, openTo);
        openFrom = -1;
      }
      openFrom = openFrom < 0 ? from : openFrom;
      openTo = to;
      openIsDelimiter = delimiter;
    }

    void finish() {
      if (openFrom >= 0) {
        words.accept(text, openFrom, openTo);
      }
    }
  }
}
