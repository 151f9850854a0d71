package dev.millrace.engine.text.split;

import java.util.Arrays;

/** The pre-tokenizers of {@code tokenizer.json}, as Hugging Face tokenizers defines them. */
public final class PreTokenizers {
  /** What the ByteLevel pre-tokenizer splits with when its {@code use_regex} is set (GPT-2). */
  private static final String BYTE_LEVEL_PATTERN =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  private PreTokenizers() {}

  /** The whole piece as one word. */
  public static PreTokenizer none() {
    return (text, from, to, first, words) -> {
      if (from < to) {
        words.accept(text, from, to);
      }
    };
  }

  /**
   * Split.
   *
   * @param invert whether what the pattern does not match is the delimiter
   */
  public static PreTokenizer split(SplitPattern pattern, SplitBehavior behavior, boolean invert) {
    return new PatternSplit(pattern, behavior, invert);
  }

  /** Digits: numeric characters each alone, or runs of them. */
  public static PreTokenizer digits(boolean individual) {
    CodePointSet numeric = UnicodeClasses.numeric();
    PatternNode one = new PatternNode.Repeat(numeric, 1, 1, false, PatternNode.ACCEPT);
    return new PatternSplit(
        SplitPattern.of("Digits", one),
        individual ? SplitBehavior.ISOLATED : SplitBehavior.CONTIGUOUS,
        false);
  }

  /** ByteLevel, without the renaming of bytes to printable characters: words stay text here. */
  public static PreTokenizer byteLevel(boolean addPrefixSpace, boolean useRegex) {
    PreTokenizer split =
        useRegex
            ? split(SplitPattern.compile(BYTE_LEVEL_PATTERN), SplitBehavior.ISOLATED, false)
            : none();
    if (!addPrefixSpace) {
      return split;
    }
    return (text, from, to, first, words) -> {
      if (from < to && text[from] != ' ') {
        char[] spaced = withPrefix(' ', text, from, to);
        split.split(spaced, 0, spaced.length, first, words);
      } else {
        split.split(text, from, to, first, words);
      }
    };
  }

  /** When Metaspace puts its replacement in front of a piece. */
  public enum PrependScheme {
    ALWAYS,
    FIRST,
    NEVER
  }

  /** Metaspace: spaces become the replacement, which begins every word if {@code split}. */
  public static PreTokenizer metaspace(char replacement, PrependScheme scheme, boolean split) {
    PreTokenizer cut =
        split
            ? split(
                SplitPattern.literal(String.valueOf(replacement)),
                SplitBehavior.MERGED_WITH_NEXT,
                false)
            : none();
    return (text, from, to, first, words) -> {
      if (from == to) {
        return;
      }
      char[] replaced = Arrays.copyOfRange(text, from, to);
      for (int i = 0; i < replaced.length; i++) {
        replaced[i] = replaced[i] == ' ' ? replacement : replaced[i];
      }
      boolean wanted = scheme == PrependScheme.ALWAYS || scheme == PrependScheme.FIRST && first;
      if (wanted && replaced[0] != replacement) {
        replaced = withPrefix(replacement, replaced, 0, replaced.length);
      }
      cut.split(replaced, 0, replaced.length, first, words);
    };
  }

  private static char[] withPrefix(char prefix, char[] text, int from, int to) {
    char[] result = new char[to - from + 1];
    result[0] = prefix;
    System.arraycopy(text, from, result, 1, to - from);
    return result;
  }
}
