package dev.millrace.jobs.evaluate.report;

/** How much two texts have in common at either end, in whole words. */
final class WordDifference {
  private WordDifference() {}

  /** Characters of the common beginning. */
  static int commonStart(String text, String other) {
    int most = Math.min(text.length(), other.length());
    int same = 0;
    while (same < most && text.charAt(same) == other.charAt(same)) {
      same++;
    }
    while (same > 0 && inside(text, same)) {
      same--;
    }
    return same;
  }

  /**
   * Characters of the common end, none of which belong to the common beginning.
   *
   * @param start what {@link #commonStart} said
   */
  static int commonEnd(String text, String other, int start) {
    int most = Math.min(text.length(), other.length()) - start;
    int same = 0;
    while (same < most
        && text.charAt(text.length() - 1 - same) == other.charAt(other.length() - 1 - same)) {
      same++;
    }
    while (same > 0 && inside(text, text.length() - same)) {
      same--;
    }
    return same;
  }

  /** Whether a cut here would go through a word or a surrogate pair. */
  private static boolean inside(String text, int at) {
    if (at == 0 || at >= text.length()) {
      return false;
    }
    char before = text.charAt(at - 1);
    char after = text.charAt(at);
    return (Character.isLetterOrDigit(before) && Character.isLetterOrDigit(after))
        || Character.isLowSurrogate(after);
  }
}
