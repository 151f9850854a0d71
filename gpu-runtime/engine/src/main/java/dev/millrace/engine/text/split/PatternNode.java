package dev.millrace.engine.text.split;

import java.util.List;

/**
 * A compiled piece of a split pattern, linked to what follows it. Recursion goes as deep as the
 * pattern is long, never as deep as the text is.
 */
interface PatternNode {
  int NO_MATCH = -1;

  /** The end of every pattern. */
  PatternNode ACCEPT = new Accept();

  /** The end of the match of this node and all that follows, or {@link #NO_MATCH}. */
  int match(char[] text, int at, int end);

  /** The end of the pattern. */
  final class Accept implements PatternNode {
    @Override
    public int match(char[] text, int at, int end) {
      return at;
    }
  }

  /** {@code min} to {@code max} characters of a set, as many as possible first. */
  final class Repeat implements PatternNode {
    private final CodePointSet set;
    private final int min;
    private final int max;
    private final boolean possessive;
    private final PatternNode next;

    Repeat(CodePointSet set, int min, int max, boolean possessive, PatternNode next) {
      this.set = set;
      this.min = min;
      this.max = max;
      this.possessive = possessive || next instanceof Accept;
      this.next = next;
    }

    @Override
    public int match(char[] text, int at, int end) {
      int count = 0;
      int here = at;
      while (count < max && here < end) {
        char c = text[here];
        if (Character.isHighSurrogate(c)) {
          if (!set.contains(Character.codePointAt(text, here, end))) {
            break;
          }
          here += 2;
        } else if (set.contains(c)) {
          here++;
        } else {
          break;
        }
        count++;
      }
      if (count < min) {
        return NO_MATCH;
      }
      return possessive ? next.match(text, here, end) : backtrack(text, here, count, end);
    }

    private int backtrack(char[] text, int longest, int count, int end) {
      int here = longest;
      for (int left = count; ; left--) {
        int result = next.match(text, here, end);
        if (result != NO_MATCH || left == min) {
          return result;
        }
        here -= Character.isLowSurrogate(text[here - 1]) ? 2 : 1;
      }
    }
  }

  /** The first alternative that lets the rest match too. */
  final class Choice implements PatternNode {
    private final PatternNode[] alternatives;

    Choice(List<PatternNode> alternatives) {
      this.alternatives = alternatives.toArray(PatternNode[]::new);
    }

    @Override
    public int match(char[] text, int at, int end) {
      for (PatternNode alternative : alternatives) {
        int result = alternative.match(text, at, end);
        if (result != NO_MATCH) {
          return result;
        }
      }
      return NO_MATCH;
    }
  }

  /** A lookahead: matches nothing itself. */
  final class Look implements PatternNode {
    private final PatternNode body;
    private final boolean wanted;
    private final PatternNode next;

    Look(PatternNode body, boolean wanted, PatternNode next) {
      this.body = body;
      this.wanted = wanted;
      this.next = next;
    }

    @Override
    public int match(char[] text, int at, int end) {
      boolean found = body.match(text, at, end) != NO_MATCH;
      return found == wanted ? next.match(text, at, end) : NO_MATCH;
    }
  }
}
